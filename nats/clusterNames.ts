// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { PlainError } from "../lib/plainError.ts";
import type { EdgeLink } from "./edgeLogin.ts";
import { covers, overlap } from "./subjects.ts";
import { quote } from "./text.ts";
import type { Login } from "./users.ts";

/** What is published below this at an edge is an event, of the cluster that the next token names. */
const EVENTS = "ops.clusters.>";

/** The name that Ops' chart has for a cluster that was given none. */
const UNNAMED = "default";

const eventsOf = (cluster: string): string => `ops.clusters.${cluster}.>`;

/** The names in events at an edge, and what the primary lets pass. */
export interface ClusterNames {
  readonly edge: string;
  /** Names that Ops uses here, filed under the edge's own. */
  readonly accepted: readonly string[];
  readonly publish: readonly string[];
  readonly receive: readonly string[];
}

export const clusterNames = (
  { edge, acceptClusterNames }: { readonly edge: string; readonly acceptClusterNames: readonly string[] },
  { publish, receive }: Pick<EdgeLink, "publish" | "receive">,
): ClusterNames => ({ edge, accepted: acceptClusterNames, publish, receive });

/** Settings of the account APP that file events of accepted names under the edge's own; empty where none are. Hot to reload. */
export function mappings({ edge, accepted }: ClusterNames): string {
  if (accepted.length === 0) return "";
  const mapped = accepted.map((name) => `${quote(eventsOf(name))}: ${quote(eventsOf(edge))}`);
  return `mappings: { ${mapped.join(", ")} }, `;
}

/**
 * The subject below which strays are looked for: all events, if that draws none over the link. A server asks the primary for
 * everything that both its subscribers want and it may receive; so where that is events of others, only Ops' default name is
 * looked for, or nothing.
 */
export function watchedSubject({ edge, publish, receive }: ClusterNames): string | undefined {
  const carried = [eventsOf(edge), ...publish, ...receive];
  // servers take a subscription's own > for a token where they compare it with what is denied
  const denied = (subject: string) => carried.some((other) => covers(other, subject.replace(">", "x")));
  const drawn = (subject: string) => receive.some((other) => overlap(other, subject));
  return [EVENTS, eventsOf(UNNAMED)].find((subject) => !denied(subject) && !drawn(subject));
}

/** The user that counts strays: the server delivers it nothing that the edge carries or receives. */
export function watchUser(login: string, names: ClusterNames): string {
  const { edge, publish, receive } = names;
  const deny = [...new Set([eventsOf(edge), ...publish, ...receive])].filter((subject) => overlap(subject, EVENTS));
  const allow = watchedSubject(names) ?? "_none_";
  const subscribe = `{ allow: ${quote(allow)}, deny: [${deny.map(quote).join(", ")}] }`;
  return `{ ${login}, allowed_connection_types: [STANDARD], permissions: { publish: { deny: ">" }, subscribe: ${subscribe} } }`;
}

/** What an edge's account APP is told of names. */
export interface Naming {
  readonly names: ClusterNames;
  readonly watch: Login;
}

/**
 * A name cannot be accepted where the primary lets events of it pass as they are: they would be filed under the edge's own too.
 * @throws PlainError with one line
 */
export function checkNames(names: ClusterNames, stack: string): void {
  const own = eventsOf(names.edge);
  const carried = [...names.publish, ...names.receive].filter((subject) => subject !== own);
  for (const [i, name] of names.accepted.entries()) {
    const other = carried.find((subject) => overlap(subject, eventsOf(name)));
    if (other === undefined) continue;
    throw new PlainError(
      `ops-nats:acceptClusterNames[${i}] of stack ${stack}: expected a name of which the primary carries no events; came ${name}, ` +
        `and its entry for ${names.edge} lists ${other}; next: pulumi config rm --path 'ops-nats:acceptClusterNames[${i}]' -s ${stack}`,
    );
  }
}
