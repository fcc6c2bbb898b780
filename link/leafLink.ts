// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import { WHEN_FULL } from "../config/settings.ts";
import { isMap } from "../lib/merge.ts";
import { PlainError } from "../lib/plainError.ts";
import { daysLeft, WARN_DAYS } from "../nats/certificates.ts";
import type { EdgeLink, EdgeLogin, EdgeLogins, EdgeStore } from "../nats/edgeLogin.ts";
import { opened, type Values } from "./stackOutputs.ts";

/** The version of what a primary's outputs mean to an edge; it changes when an older program would misread them. */
export const LEAF_LINK_VERSION = 6;

/** What a primary offers: where leafs connect and how they know it, a login per edge, what each is to store. */
export interface LeafLink {
  /** `tls://host:port`, or `nats-leaf://host:port` where links are plain; one per host, no credentials. */
  readonly urls: readonly string[];
  /** See {@link Remote}. */
  readonly ca: pulumi.Output<string>;
  /** The day from which no edge connects any more, unless `up` is typed before; undefined where the certificate is not the program's. */
  readonly certificateEnds: pulumi.Output<string> | undefined;
  /** Edge name -> what it is told; secret. */
  readonly credentials: pulumi.Output<EdgeLogins>;
  /** Edge name -> what it stores; edges without persistence are not in it. */
  readonly stores: Readonly<Record<string, EdgeStore>>;
}

/**
 * A secret output that tells nothing and is never empty. The engine leaves out what it cannot decrypt, or puts
 * something empty in its place: without this witness a wrong passphrase would look like a primary without edges.
 */
const WITNESS = "leafWitness";

/** The outputs by which a leaf link goes from stack to stack. */
export const leafLinkOutputs = ({ urls, ca, certificateEnds, credentials, stores }: LeafLink) => ({
  leafUrls: urls,
  leafUrl: urls[0],
  leafCa: ca,
  ...(certificateEnds === undefined ? {} : { leafCertificateEnds: certificateEnds }),
  leafCredentials: pulumi.secret(credentials),
  leafStores: stores,
  leafLinkVersion: LEAF_LINK_VERSION,
  [WITNESS]: pulumi.secret("readable"),
});

/**
 * The link of one edge.
 * @param outputs of the primary's stack, see {@link outputsOf}; undefined where it has none
 * @param stack the primary's full stack name, for messages
 * @param own the edge's own stack, for messages
 * @throws PlainError: never deployed, another version, outputs that do not decrypt, an edge that is not listed
 */
export function readLeafLink(outputs: Values | undefined, stack: string, edge: string, own = edge): EdgeLink {
  const { leafLinkVersion: found, leafUrls: urls, leafCa: ca, leafCredentials, [WITNESS]: witness } = outputs ?? {};
  const short = stack.split("/").at(-1) ?? stack;
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
  const logins = opened(leafCredentials);
  const seen = opened(witness);
  if (!isMap(logins) || typeof seen !== "string" || seen === "") {
    const next = "set PULUMI_CONFIG_PASSPHRASE (or _FILE) to the passphrase that both stacks share";
    throw fault(
      `primaryStack ${stack}: expected secrets that this passphrase decrypts; came outputs that it does not fit`,
      next,
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
  if (!isLogin(login) || !isUrls(urls) || typeof ca !== "string") {
    throw fault(
      `primaryStack ${stack}: expected leafUrls, leafCa and leafCredentials of ${edge}; came outputs of another shape`,
      `pulumi up -s ${short}`,
    );
  }
  const { seed, publish, receive, store } = login;
  return { urls, ca, seed, publish, receive, store };
}

/**
 * Warns while the primary's certificate can still be renewed in time: every `up` there does that, and nobody may have typed one for years.
 * @param now milliseconds since 1970
 */
export async function warnOfEnd(outputs: Values | undefined, stack: string, now = Date.now()): Promise<void> {
  const ends = outputs?.leafCertificateEnds;
  const days = typeof ends === "string" ? daysLeft(ends, now) : Number.NaN;
  if (!(days < WARN_DAYS.own)) return;
  const short = stack.split("/").at(-1) ?? stack;
  await pulumi.log.warn(
    `the certificate of the primary ${days < 0 ? "has ended" : `ends in ${days} days`} (${ends}), then no edge connects any more; next: pulumi up -s ${short}`,
  );
}

const isLogin = (value: unknown): value is EdgeLogin =>
  isMap(value) &&
  typeof value.seed === "string" &&
  [value.publish, value.receive].every((list) => Array.isArray(list) && list.every((s) => typeof s === "string")) &&
  (value.store === undefined || isStore(value.store));

const isStore = (value: unknown): value is EdgeStore =>
  isMap(value) &&
  Array.isArray(value.subjects) &&
  [value.maxAge, value.underWay].every((number) => typeof number === "number") &&
  WHEN_FULL.some((word) => word === value.whenFull);

const isUrls = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((url) => typeof url === "string" && /^(?:tls|nats-leaf):\/\/\S+:\d+$/.test(url));

const fault = (what: string, next: string) => new PlainError(`${what}; next: ${next}`);
