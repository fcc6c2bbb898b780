// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Settings } from "../config/settings.ts";
import type { Cluster, RunningServers, WantedServers } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { PlainError } from "../lib/plainError.ts";
import { outputsOf } from "../link/stackOutputs.ts";
import { INCLUDE, ROOT_KEY } from "../nats/files.ts";
import { certificateAsked } from "../nats/leafTls.ts";
import { ROOT } from "../nats/logins.ts";
import type { StackMark } from "../nats/names.ts";
import { OWNER_ID } from "../nats/names.ts";
import { edgesIn, passwordsIn } from "../nats/readInclude.ts";
import { refuseMove, refuseOtherServers, tellSmallClaims } from "./claims.ts";
import { description } from "./helmRelease.ts";
import { stackIdentity } from "./identity.ts";
import { assertOurs, assertSameCluster } from "./ownership.ts";

/** The ground that a stack stands on, once it is known to be its own. */
export interface Ground {
  readonly mark: StackMark;
  /** Of the Helm release: another one where Helm has to be run although nothing has changed. */
  readonly description: string;
  /** Passwords of a former state, by user, that the stack goes on with; undefined where it takes over nothing. */
  readonly adopted: Readonly<Record<string, string>> | undefined;
  /** Edges whose accounts the servers have, at a primary. */
  readonly knownEdges: readonly string[];
  /** By which the provider knows the cluster, whatever its address. */
  readonly clusterIdentifier: string | undefined;
  /** What the stack's last `up` put out; undefined where there was none. */
  readonly lastOutputs: Readonly<Record<string, unknown>> | undefined;
  /** The servers that run; undefined where none do. */
  readonly running: RunningServers | undefined;
}

/**
 * All that is refused or warned of by what the cluster has, in previews too, before anything of it is written. It registers one resource, the
 * stack's memory of itself.
 * @param wanted the servers as they are to be
 * @throws PlainError: no answer from the cluster, another cluster, somebody else's objects, stored events that would be left behind
 */
export async function preflight(cluster: Cluster, settings: Settings, wanted: WantedServers): Promise<Ground> {
  const { namespace, release } = settings;
  const edge = settings.role === "edge" ? settings.edge : "primary";
  const seen = await cluster.identity(namespace);
  const secret = (await cluster.secret(namespace, INCLUDE.secret)) ?? {};
  const adopted = await lostState(cluster, settings, secret);
  const { id, cluster: remembered } = await stackIdentity(seen, adopted && settings.adopt);
  await assertSameCluster(cluster, { remembered, seen });
  const place = { cluster, namespace, release };
  const certificate = settings.role === "primary" ? certificateAsked(settings) : undefined;
  const records = await assertOurs({ ...place, id, certificate, streams: wanted.streams });
  const lastOutputs = await outputsOf(cluster.stack);
  const last: unknown = lastOutputs?.namespace;
  await refuseMove({ ...place, id, edge, lastNamespace: typeof last === "string" ? last : undefined });
  const running = await refuseOtherServers(place, wanted);
  await tellSmallClaims(place, wanted);
  return {
    mark: { id, stack: cluster.stack, edge, release },
    description: await description(place, records),
    adopted,
    knownEdges: edgesIn(secret[INCLUDE.key] ?? ""),
    clusterIdentifier: remembered.uid ?? remembered.ca,
    lastOutputs,
    running,
  };
}

/** The passwords of the state that `adopt` names, from its Secret; undefined where nothing is to be taken over. */
async function lostState(cluster: Cluster, { adopt, namespace }: Settings, secret: Readonly<Record<string, string>>) {
  if (adopt === undefined) return undefined;
  const owner = await cluster.owner(namespace, "Secret", INCLUDE.secret);
  const include = secret[INCLUDE.key];
  if (owner?.id === adopt && include !== undefined) return adoptable(secret, include);
  const { unset, up } = commands(cluster);
  throw new PlainError(
    `ops-nats:adopt: expected the ${OWNER_ID} of Secret ${INCLUDE.secret} in namespace ${namespace} (${await cluster.place()}), which has ` +
      `${owner === undefined ? "no such Secret" : (owner.id ?? "none")}; came ${adopt}; nothing was changed; next: ${unset("adopt")}, then ${up}`,
  );
}

const adoptable = ({ [ROOT_KEY]: root }: Readonly<Record<string, string>>, include: string) => ({
  ...passwordsIn(include),
  ...(root === undefined ? {} : { [ROOT]: root }),
});
