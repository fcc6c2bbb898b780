// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import { type Retention, WHEN_FULL } from "../settings.ts";
import { daysLeft, WARN_DAYS } from "./certificates.ts";
import { isRecord, registeredIn } from "./engine.ts";
import type { Remote } from "./natsConf.ts";
import { PlainError } from "./plainError.ts";

/** The version of what a primary's outputs mean to an edge; it changes when an older program would misread them. */
export const LEAF_LINK_VERSION = 6;

/** How an edge's stream has to be, for the primary to fetch it. */
export interface EdgeStore extends Retention {
  /** All that the edge may publish, and so what it stores. */
  readonly subjects: readonly string[];
  /** See {@link EdgeLimits}. */
  readonly underWay: number;
}

/** What the primary lets pass over a link. */
export interface EdgeSubjects {
  /** All subjects that the edge may publish there, its own events among them. */
  readonly publish: readonly string[];
  readonly receive: readonly string[];
}

/** What an edge's entry at the primary comes to: one record, for an edge never to take half of one `up` and half of another. */
export interface EdgeLogin extends EdgeSubjects {
  /** Of its nkey, `SU…`. */
  readonly seed: string;
  /** Undefined: the edge stores nothing. */
  readonly store: EdgeStore | undefined;
}

/** A leaf link as an edge takes it. */
export interface EdgeLink extends Remote, EdgeLogin {}

export type EdgeLogins = Readonly<Record<string, EdgeLogin>>;

/** What a primary offers: where leafs connect and how they know it, a login per edge, what each is to store. */
export interface LeafLink {
  /** `tls://host:port`, or `nats-leaf://host:port` where links are plain; one per host, no credentials. */
  readonly urls: readonly string[];
  /** See {@link Remote}. */
  readonly ca: pulumi.Output<string>;
  /** The day from which no edge connects any more, unless `up` is typed before; undefined where the certificate is not the program's. */
  readonly certificateEnds: pulumi.Output<string> | undefined;
  /** Edge name -> login, and what passes by it, once the servers know it; secret. No output of the stack: see {@link readLogins}. */
  readonly logins: pulumi.Output<EdgeLogins>;
  /** Edge name -> what it stores; edges without persistence are not in it. */
  readonly stores: Readonly<Record<string, EdgeStore>>;
}

/** The component of a primary, and what it registers for edges to read. */
export const PRIMARY_TYPE = "ops-nats:index:Primary";
export const LOGINS = "edgeLogins";

/** The outputs by which a leaf link goes from stack to stack; a StackReference copies all of them, so none is secret (decision 18). */
export const leafLinkOutputs = ({ urls, ca, certificateEnds, stores }: LeafLink) => ({
  leafUrls: urls,
  leafUrl: urls[0],
  leafCa: ca,
  ...(certificateEnds === undefined ? {} : { leafCertificateEnds: certificateEnds }),
  leafStores: stores,
  leafLinkVersion: LEAF_LINK_VERSION,
});

/** As much of a StackReference as is needed to read a link. */
export interface OutputReader {
  getOutputDetails(name: string): Promise<pulumi.StackReferenceOutputDetails>;
}

/**
 * Reads the link of one edge: what everybody may know from the outputs of the primary's stack; its login as the primary's component registered it.
 * @param stack the primary's full stack name
 * @param own the edge's own stack, for messages
 * @throws PlainError: never deployed, another version, a state that does not decrypt, an edge that is not listed
 */
export async function readLeafLink(
  reader: OutputReader,
  stack: string,
  edge: string,
  own = edge,
  registered = registeredIn,
): Promise<EdgeLink> {
  const [version, urls, ca] = await Promise.all(
    ["leafLinkVersion", "leafUrls", "leafCa"].map((name) => reader.getOutputDetails(name)),
  );
  const short = stack.split("/").at(-1) ?? stack;
  const found = version?.value;
  if (found === undefined) {
    throw fault(
      `primaryStack ${stack}: expected a primary that is deployed; came a stack without outputs`,
      `pulumi up -s ${short}`,
    );
  }
  if (found !== LEAF_LINK_VERSION) {
    const newer = typeof found === "number" && found > LEAF_LINK_VERSION;
    const next = newer
      ? "update this program to the version that deployed the primary"
      : `pulumi up -s ${short} with this version of the program`;
    throw fault(
      `primaryStack ${stack}: expected leaf link version ${LEAF_LINK_VERSION}; came ${JSON.stringify(found)}`,
      next,
    );
  }
  const logins = await registered(stack, PRIMARY_TYPE, LOGINS).catch((error: Error) => {
    throw unreadable(stack, short, error.message);
  });
  if (!isRecord(logins)) {
    throw fault(
      `primaryStack ${stack}: expected logins of edges in its state; came none, as after an up that failed`,
      `pulumi up -s ${short}`,
    );
  }
  const login = logins[edge];
  if (login === undefined) {
    const listed = Object.keys(logins);
    const add = `pulumi config set --path 'ops-nats:edges[${listed.length}]' ${edge} -s ${short} && pulumi up -s ${short}`;
    throw fault(
      `ops-nats:edges of stack ${short}: expected ${edge} among them; came ${JSON.stringify(listed)}`,
      `${add}, then pulumi up -s ${own}   (listed already: just the two pulumi up)`,
    );
  }
  const authorities: unknown = ca?.value;
  if (!isLogin(login) || !isUrls(urls?.value) || typeof authorities !== "string") {
    throw fault(
      `primaryStack ${stack}: expected leafUrls, leafCa and a login for ${edge}; came outputs of another shape`,
      `pulumi up -s ${short}`,
    );
  }
  const { seed, publish, receive, store } = login;
  return { urls: urls.value, ca: authorities, seed, publish, receive, store };
}

/** Why a state cannot be read, in the engine's words; they tell a passphrase that does not fit from all else. */
function unreadable(stack: string, short: string, said: string): Error {
  const came = said.trim().split("\n").at(-1);
  return /passphrase|decrypt/i.test(said)
    ? fault(
        `primaryStack ${stack}: expected secrets that can be decrypted here; came ${came}`,
        "set PULUMI_CONFIG_PASSPHRASE (or _FILE) to the passphrase that both stacks share, or log in where the primary's secrets provider is",
      )
    : fault(
        `primaryStack ${stack}: expected a state that can be read; came ${came}`,
        `pulumi stack export -s ${short}, which says more`,
      );
}

/**
 * Warns while the primary's certificate can still be renewed in time: every `up` there does that, and nobody may have typed one for years.
 * @param now milliseconds since 1970
 */
export async function warnOfEnd(reader: OutputReader, stack: string, now = Date.now()): Promise<void> {
  const ends: unknown = (await reader.getOutputDetails("leafCertificateEnds")).value;
  const days = typeof ends === "string" ? daysLeft(ends, now) : Number.NaN;
  if (!(days < WARN_DAYS.own)) return;
  const short = stack.split("/").at(-1) ?? stack;
  await pulumi.log.warn(
    `the certificate of the primary ${days < 0 ? "has ended" : `ends in ${days} days`} (${ends}), then no edge connects any more; next: pulumi up -s ${short}`,
  );
}

const isLogin = (value: unknown): value is EdgeLogin =>
  isRecord(value) &&
  typeof value.seed === "string" &&
  [value.publish, value.receive].every((list) => Array.isArray(list) && list.every((s) => typeof s === "string")) &&
  (value.store === undefined || isStore(value.store));
const isStore = (value: unknown): value is EdgeStore =>
  isRecord(value) &&
  Array.isArray(value.subjects) &&
  [value.maxAge, value.underWay].every((number) => typeof number === "number") &&
  WHEN_FULL.some((word) => word === value.whenFull);
const isUrls = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((url) => typeof url === "string" && /^(?:tls|nats-leaf):\/\/\S+:\d+$/.test(url));

const fault = (what: string, next: string) => new PlainError(`${what}; next: ${next}`);
