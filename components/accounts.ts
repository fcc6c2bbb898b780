// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { ExtraAccounts } from "../settings.ts";
import type { LeafUser, Login } from "./natsConf.ts";
import { consumerOf, DIRECT_STREAM, filedLive, handedUp, OPS_STREAM } from "./streams.ts";
import { numbered, overlap, withoutCovered } from "./subjects.ts";

/** How the primary's streams are reached. */
export interface StoreAccess {
  /** Makes and keeps the streams. */
  readonly keeper: Login;
}

/** An account into which no leaf fits: leafs without credentials are bound to it and refused (2.10 would take them). */
export const NO_LEAF_ACCOUNT = "NOLEAF";

/** The account of the primary's streams. */
export const STORE_ACCOUNT = "STORE";

/** The account of Ops, event hooks and people. */
export const APP_ACCOUNT = "APP";

/** Names that no account of the user may have, at either role: an edge's may become the primary's. */
export const OWN_ACCOUNTS: readonly string[] = ["SYS", APP_ACCOUNT, "EVENTS", STORE_ACCOUNT, NO_LEAF_ACCOUNT];

/** JSON text is a string of nats.conf too, as long as it is quoted: a leading digit stays text. */
export const quote = (text: string): string => JSON.stringify(text);
export const list = (subjects: readonly string[]): string => `[${subjects.map(quote).join(", ")}]`;

/** An allow list that names nothing: a deny list of everything breaks wildcard subscribers on 2.14 (facts: nats.md 21). */
const NOTHING = "_none_";

type Kind = "stream" | "service";
const exported = (kind: Kind, subject: string, to: string, more = ""): string =>
  `{ ${kind}: ${quote(subject)}, accounts: [${to}]${more} }`;
const imported = (kind: Kind, from: string, subject: string, to?: string): string =>
  `{ ${kind}: { account: ${from}, subject: ${quote(subject)} }${to === undefined ? "" : `, to: ${quote(to)}`} }`;

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

/** Accounts beside ours: they share nothing with those. */
export const extraAccounts = (accounts: ExtraAccounts): readonly string[] =>
  Object.entries(accounts).map(([name, { users }]) =>
    account(quote(name), {
      users: users.map(({ user, password }) => `{ user: ${quote(user)}, password: ${quote(password)} }`),
    }),
  );

type Leaf = LeafUser & { readonly login: string };
type Store = StoreAccess & { readonly login: string };

/**
 * The accounts of a primary but for the system account: edges log in to EVENTS, everybody else to APP. Without persistence APP
 * imports what the listed edges may publish; with it, what STORE has stored. The accounts are the same for every list of
 * edges: a server that reloads first would tell the others of one that they do not know yet, and they would never hear of it.
 * @param app the user entry of `app`
 */
export function primaryAccounts(leafs: readonly Leaf[], app: string, store: Store | undefined): string[] {
  const live = leafs.filter((leaf) => !(store && leaf.stored));
  const up = withoutCovered(live.flatMap((leaf) => leaf.publish));
  const down = withoutCovered(leafs.flatMap((leaf) => leaf.receive));
  const [events, others] = [down.filter(isEvent), down.filter((subject) => !isEvent(subject))];
  const users = leafs.map((leaf) => leafUser(leaf, store !== undefined));
  const none = noLeafAccount();
  if (!store) {
    return [
      account("EVENTS", {
        users,
        exports: up.map((subject) => exported("stream", subject, "APP")),
        imports: down.map((subject) => imported("stream", "APP", subject)),
      }),
      account("APP", {
        users: [app],
        exports: down.map((subject) => exported("stream", subject, "EVENTS")),
        imports: up.map((subject) => imported("stream", "EVENTS", subject)),
      }),
      none,
    ];
  }
  return [
    account("EVENTS", {
      users,
      exports: [
        ...up.map((subject) => exported("stream", subject, "STORE")),
        ...fetchSubjects("*").map((subject) => exported("service", subject, "STORE")),
        exported("stream", `${handedUp("*")}.>`, "STORE"),
      ],
      imports: [
        imported("stream", "STORE", "$JS.FC.>"),
        ...events.map((subject) => imported("stream", "STORE", `live.${subject}`, numbered(subject))),
        ...others.map((subject) => imported("stream", "APP", subject)),
      ],
    }),
    account(STORE_ACCOUNT, {
      jetstream: "enabled",
      users: [store.login],
      exports: [
        exported("stream", "live.>", "APP, EVENTS"),
        exported("stream", "$JS.FC.>", "EVENTS"),
        ...READING.map(([subject, many]) => exported("service", subject, "APP", many ? ", response_type: stream" : "")),
      ],
      imports: [
        imported("stream", "APP", "own.>"),
        ...fetchSubjects("*").map((subject) => imported("service", "EVENTS", subject)),
        imported("stream", "EVENTS", `${handedUp("*")}.>`),
        ...live
          .flatMap(({ user, publish }) => publish.map((subject) => ({ subject, to: filedLive(user, subject) })))
          .filter(({ to }, i, all) => all.findIndex((other) => other.to === to) === i)
          .map(({ subject, to }) => imported("stream", "EVENTS", subject, `${DIRECT_STREAM}.${numbered(to)}`)),
      ],
    }),
    account("APP", {
      users: [app],
      // what a server's own clients say is heard by way of its store, like everything else
      mappings: '{ "ops.>": $OWN_SUBJECT }',
      exports: [
        ...others.map((subject) => exported("stream", subject, "EVENTS")),
        exported("stream", "own.>", "STORE"),
      ],
      imports: [
        ...["ops.>", ...extraSubjects(leafs)].map((s) => imported("stream", "STORE", `live.${s}`, numbered(s))),
        ...READING.map(([subject]) => imported("service", "STORE", subject)),
      ],
    }),
    none,
  ];
}

const isEvent = (subject: string): boolean => overlap(subject, "ops.>");

/** What edges may publish beside events. */
const extraSubjects = (leafs: readonly Leaf[]): readonly string[] =>
  withoutCovered(leafs.flatMap(({ publish }) => publish).filter((subject) => !isEvent(subject)));

/** An edge that stores says nothing live: it answers the primary, and hands up what that asks for. */
function leafUser({ login, user, publish, receive, stored }: Leaf, persistent: boolean): string {
  const fetched = persistent && stored;
  const up = fetched ? [`${handedUp(user)}.>`, "_R_.>"] : publish;
  const flow = `$JS.FC.${OPS_STREAM}.${consumerOf(user)}.>`;
  const down = [...(fetched ? [...fetchSubjects(user), flow] : []), ...receive];
  const permissions = `{ publish: { allow: ${list(up)} }, subscribe: { allow: ${list(down.length > 0 ? down : [NOTHING])} } }`;
  return `{ ${login}, allowed_connection_types: [LEAFNODE], permissions: ${permissions} }`;
}

/** By which the primary asks an edge for its stream, and has it pause, and for nothing else. */
const fetchSubjects = (edge: string): readonly string[] =>
  ["RESET", "PAUSE"].map((verb) => `$JS.${edge}.API.CONSUMER.${verb}.${OPS_STREAM}.${consumerOf(edge)}`);

/** What JetStream's API of an edge has beside that, of a consumer (verbs of 2.15.3, `jetstream_api.go`). */
const OTHER_VERBS = ["CREATE", "DELETE", "DURABLE", "INFO", "LEADER", "LIST", "MSG", "NAMES", "PEER", "UNPIN"];
const OTHER_PARTS = ["ACCOUNT.>", "DIRECT.>", "INFO", "KV.>", "META.>", "OBJ.>", "SERVER.>", "STREAM.>"];

/**
 * What an edge takes from nobody at the other end of its link, whoever that is: all of JetStream's API but the primary's own requests, acknowledgements,
 * and what the system answers. A remote can only deny, so anything else may come (TLS is to tell the primary from others).
 * The same for every list of edges and subjects: servers refuse a reload that changes it.
 */
export const refusedFromHub = (edge: string): readonly string[] => [
  ...["$SYS.>", "$JS.API.>", "$JS.ACK.>"],
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
