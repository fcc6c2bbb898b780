// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { EdgeLimits, ExtraAccounts } from "../config/settings.ts";
import { consumerOf, DIRECT_STREAM, handedUp, OPS_STREAM } from "./streams.ts";
import { numbered, overlap, withoutCovered } from "./subjects.ts";
import { list, quote } from "./text.ts";
import type { LeafUser, Login } from "./users.ts";

/** How the primary's streams are reached. */
export interface StoreAccess {
  /** Makes and keeps the streams. */
  readonly controller: Login;
}

/** An account into which no leaf fits: leafs without credentials are bound to it and refused (2.10 would take them). */
export const NO_LEAF_ACCOUNT = "NOLEAF";

/** The account of the primary's streams. */
export const STORE_ACCOUNT = "STORE";

/** The account of Ops, event hooks and people. */
export const APP_ACCOUNT = "APP";

/** How the accounts of edges begin: one each, so that none can evict, count against, or see anything of another. */
export const EDGE_ACCOUNT = "EDGE-";

export const edgeAccount = (edge: string): string => `${EDGE_ACCOUNT}${edge}`;

/** Names that no account of the user may have, at either role: an edge's may become the primary's. */
export const OWN_ACCOUNTS: readonly string[] = ["SYS", APP_ACCOUNT, STORE_ACCOUNT, NO_LEAF_ACCOUNT];

/** An allow list that names nothing: a deny list of everything breaks wildcard subscribers on 2.14 (facts: nats.md 21). */
const NOTHING = "_none_";

type Kind = "stream" | "service";

/** For any account that imports it: which do is said in the same file. */
const exported = (kind: Kind, subject: string, more = ""): string => `{ ${kind}: ${quote(subject)}${more} }`;

const imported = (kind: Kind, from: string, subject: string, to?: string): string =>
  `{ ${kind}: { account: ${quote(from)}, subject: ${quote(subject)} }${to === undefined ? "" : `, to: ${quote(to)}`} }`;

/** One account of nats.conf; empty lists stay out. */
function account(name: string, settings: Readonly<Record<string, string | readonly string[]>>): string {
  const lines = Object.entries(settings).flatMap(([key, value]) => {
    if (typeof value === "string") return [`    ${key}: ${value}`];
    return value.length === 0 ? [] : [`    ${key}: [`, ...value.map((item) => `      ${item}`), "    ]"];
  });
  return [`${name} {`, ...lines, "  }"].join("\n");
}

/** An account into which nobody gets as a leaf. */
export const noLeafAccount = (): string => account(NO_LEAF_ACCOUNT, { limits: "{ max_leafnodes: 0 }" });

/**
 * Accounts of edges that are not listed any more stay, empty: servers keep a link that stands in its account, and one of the same name that they
 * made anew would not be that one, so that an edge which is listed again would never be heard.
 */
export const formerAccounts = (edges: readonly string[]): readonly string[] =>
  edges.map((edge) => `${quote(edgeAccount(edge))} {}`);

/** Accounts beside ours: they share nothing with those. */
export const extraAccounts = (accounts: ExtraAccounts): readonly string[] =>
  Object.entries(accounts).map(([name, { users }]) =>
    account(quote(name), {
      users: users.map(({ user, password }) => `{ user: ${quote(user)}, password: ${quote(password)} }`),
    }),
  );

type Store = StoreAccess & { readonly login: string };

/*
 * The accounts of a primary, and what passes between them:
 *
 *   EDGE-<edge>  one for each edge, its leaf user alone in it
 *      |  ^
 *      |  '-- what it may receive: from APP, or live.<subject> from STORE
 *      v
 *   without persistence: ----------------------------> APP   app: Ops, hooks, people
 *   with persistence:
 *      |  up.<edge>.> (handed up when it is asked), or direct.<edge>.<subject> where it does not store
 *      v
 *   STORE  controller; the streams own-<pod>, direct -> in -> ops
 *      |  ^
 *      |  '-- own.<pod>.> : what clients of APP publish below ops. (mapped at their server)
 *      v
 *   live.<subject>, and the part of JetStream's API that reads ops -> APP
 *
 *   NOLEAF  takes leafs without credentials, and no leaf;  SYS  admin
 */

/**
 * The accounts of a primary but for the system account: each edge logs in to one of its own, everybody else to APP. Without persistence APP
 * imports what the listed edges may publish; with it, what STORE has stored. Servers of a cluster have to know an account before one of them
 * uses it (steps.ts).
 * @param app the user entry of `app`
 */
export function primaryAccounts(leafs: readonly LeafUser[], app: string, store: Store | undefined): string[] {
  const toEdges = withoutCovered(leafs.flatMap(({ receive }) => receive))
    .filter((subject) => !(store && isEvent(subject)))
    .map((subject) => exported("stream", subject));
  const edges = leafs.map((leaf) => leafAccount(leaf, store !== undefined));
  const none = noLeafAccount();
  if (!store) {
    const said = leafs.flatMap(({ user, publish }) =>
      publish.map((subject) => imported("stream", edgeAccount(user), subject)),
    );
    return [...edges, account(APP_ACCOUNT, { users: [app], exports: toEdges, imports: said }), none];
  }
  return [
    ...edges,
    account(STORE_ACCOUNT, {
      jetstream: "enabled",
      users: [store.login],
      exports: [
        exported("stream", "live.>"),
        exported("stream", "$JS.FC.>"),
        ...READING.map(([subject, many]) => exported("service", subject, many ? ", response_type: stream" : "")),
      ],
      imports: [imported("stream", APP_ACCOUNT, "own.>"), ...leafs.flatMap(storedFrom)],
    }),
    account(APP_ACCOUNT, {
      users: [app],
      // what a server's own clients say is heard by way of its store, like everything else
      mappings: '{ "ops.>": $OWN_SUBJECT }',
      exports: [...toEdges, exported("stream", "own.>")],
      imports: [
        ...["ops.>", ...extraSubjects(leafs)].map((s) => imported("stream", STORE_ACCOUNT, `live.${s}`, numbered(s))),
        ...READING.map(([subject]) => imported("service", STORE_ACCOUNT, subject)),
      ],
    }),
    none,
  ];
}

/** What STORE takes from an edge: what that hands up when it is asked, or what it says. */
function storedFrom({ user, publish, stored }: LeafUser): readonly string[] {
  const from = edgeAccount(user);
  if (!stored) {
    return publish.map((subject) => imported("stream", from, subject, `${DIRECT_STREAM}.${user}.${numbered(subject)}`));
  }
  return [
    ...FETCHING.map((verb) => imported("service", from, fetchSubject(verb, user))),
    imported("stream", from, `${handedUp(user)}.>`),
  ];
}

/** Variables of the include file: what all edges have in common stands once, for a Secret holds a MiB and a primary a thousand edges. */
const LIMITS = "EDGE_LIMITS";

const FETCHED = "EDGE_FETCHED";

/** The lines that define them; servers refuse those that nobody uses. */
export function leafVariables(leafs: readonly LeafUser[], persistent: boolean, limits: EdgeLimits): string {
  if (leafs.length === 0) return "";
  const { links, subscriptions, payload } = limits;
  const most = `max_leafnodes: ${links}, max_subscriptions: ${subscriptions}${payload ? `, max_payload: ${payload}` : ""}`;
  const fetched = [
    ...FETCHING.map((verb) => exported("service", fetchSubject(verb, "*"))),
    exported("stream", `${handedUp("*")}.>`),
  ];
  const some = persistent && leafs.some(({ stored }) => stored);
  return `${LIMITS}: { ${most} }\n${some ? `${FETCHED}: [${fetched.join(", ")}]\n` : ""}`;
}

/** The account of one edge, in one line: what it says goes out of it, what it may receive comes into it, and it shares nothing else. */
function leafAccount(leaf: LeafUser, persistent: boolean): string {
  const { user, publish, receive, stored } = leaf;
  const fetched = persistent && stored;
  const out = publish.map((subject) => exported("stream", subject)).join(", ");
  const into = [
    ...(fetched ? [imported("stream", STORE_ACCOUNT, flowOf(user))] : []),
    ...withoutCovered(receive).map((subject) =>
      persistent && isEvent(subject)
        ? imported("stream", STORE_ACCOUNT, `live.${subject}`, numbered(subject))
        : imported("stream", APP_ACCOUNT, subject),
    ),
  ];
  const parts = [
    `limits: $${LIMITS}`,
    `users: [${leafUser(leaf, persistent)}]`,
    `exports: ${fetched ? `$${FETCHED}` : `[${out}]`}`,
    ...(into.length === 0 ? [] : [`imports: [${into.join(", ")}]`]),
  ];
  return `${quote(edgeAccount(user))} { ${parts.join(", ")} }`;
}

const isEvent = (subject: string): boolean => overlap(subject, "ops.>");

/** What edges may publish beside events. */
const extraSubjects = (leafs: readonly LeafUser[]): readonly string[] =>
  withoutCovered(leafs.flatMap(({ publish }) => publish).filter((subject) => !isEvent(subject)));

/** How the primary tells an edge how far it has come. */
const flowOf = (edge: string): string => `$JS.FC.${OPS_STREAM}.${consumerOf(edge)}.>`;

/** What the primary asks an edge for: its stream from where it is, and to pause. */
const FETCHING = ["RESET", "PAUSE"];

const fetchSubject = (verb: string, edge: string): string =>
  `$JS.${edge}.API.CONSUMER.${verb}.${OPS_STREAM}.${consumerOf(edge)}`;

/** An edge that stores says nothing live: it answers the primary, and hands up what that asks for. */
function leafUser({ user, nkey, publish, receive, stored }: LeafUser, persistent: boolean): string {
  const fetched = persistent && stored;
  const up = fetched ? [`${handedUp(user)}.>`, "_R_.>"] : publish;
  // no wildcards: the edge's own interest is wider, and servers compare it with literal subjects only
  const asked = FETCHING.map((verb) => fetchSubject(verb, user));
  const down = [...(fetched ? [...asked, flowOf(user)] : []), ...receive];
  const permissions = `publish: ${list(up)}, subscribe: ${list(down.length > 0 ? down : [NOTHING])}`;
  return `{ nkey: ${nkey}, allowed_connection_types: [LEAFNODE], permissions: { ${permissions} } }`;
}

/** What JetStream's API of an edge has beside that, of a consumer (verbs of 2.15.3, `jetstream_api.go`). */
const OTHER_VERBS = ["CREATE", "DELETE", "DURABLE", "INFO", "LEADER", "LIST", "MSG", "NAMES", "PEER", "UNPIN"];

const OTHER_PARTS = ["ACCOUNT.>", "DIRECT.>", "INFO", "KV.>", "META.>", "OBJ.>", "SERVER.>", "STREAM.>"];

/**
 * What an edge takes from nobody at the other end of its link, whoever that is: all of JetStream's API but the primary's own requests, acknowledgements,
 * what the system answers, and answers to the edge's own clients (none of them can ask the primary). A remote can only deny, so anything else may come (TLS is to tell the primary from others).
 * The same for every list of edges and subjects: servers refuse a reload that changes it.
 */
export const refusedFromHub = (edge: string): readonly string[] => [
  ...["$SYS.>", "$JS.API.>", "$JS.ACK.>", "_INBOX.>"],
  ...[...OTHER_PARTS, ...OTHER_VERBS.map((verb) => `CONSUMER.${verb}.>`)].map((part) => `$JS.${edge}.API.${part}`),
];

/** The part of JetStream's API that reads `ops`, as a client of APP needs it; `true`: more than one message answers. */
const READING: readonly (readonly [subject: string, many: boolean])[] = [
  ["$JS.API.INFO", false],
  ["$JS.API.STREAM.NAMES", false],
  ["$JS.API.STREAM.LIST", false],
  [`$JS.API.STREAM.INFO.${OPS_STREAM}`, false],
  [`$JS.API.STREAM.MSG.GET.${OPS_STREAM}`, false],
  [`$JS.API.DIRECT.GET.${OPS_STREAM}`, true],
  [`$JS.API.DIRECT.GET.${OPS_STREAM}.>`, true],
  [`$JS.API.CONSUMER.CREATE.${OPS_STREAM}`, false],
  [`$JS.API.CONSUMER.CREATE.${OPS_STREAM}.>`, false],
  [`$JS.API.CONSUMER.DURABLE.CREATE.${OPS_STREAM}.*`, false],
  [`$JS.API.CONSUMER.NAMES.${OPS_STREAM}`, false],
  [`$JS.API.CONSUMER.LIST.${OPS_STREAM}`, false],
  [`$JS.API.CONSUMER.INFO.${OPS_STREAM}.*`, false],
  [`$JS.API.CONSUMER.DELETE.${OPS_STREAM}.*`, false],
  [`$JS.API.CONSUMER.MSG.NEXT.${OPS_STREAM}.*`, true],
  [`$JS.ACK.${OPS_STREAM}.>`, false],
];
