// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { OPS_STREAM, ownStream } from "../../nats/streams.ts";
import { until } from "../harness/processes/until.ts";
import type { Site } from "./deployment.ts";
import { judge, type Kept, readStream } from "./ledger.ts";

/** A client of a cluster whose servers may take their time to come back, after they were killed. */
export const reached = (site: Site, cluster: string, lasting = false): Promise<NatsConnection> =>
  until(`a server of ${cluster}`, () => site.connect(cluster, lasting), undefined, 240);

/** Where a cluster's servers store what their clients say. */
interface Origin {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly subject: string;
}

/** An edge has one stream; each server of the primary has one of its own, until `ops` has what is in it. */
async function originsOf(connection: NatsConnection, cluster: string, subject: string): Promise<readonly Origin[]> {
  if (cluster !== "primary") return [{ connection, stream: OPS_STREAM, subject }];
  const names = async () => (await jetstreamManager(connection, { timeout: 20_000 })).streams.names().next();
  const all = await until("the primary's streams", names, undefined, 60);
  return all
    .filter((name) => name.startsWith(ownStream("")))
    .map((stream) => {
      const pod = stream.slice(ownStream("").length);
      return { connection, stream, subject: subject.replace(/^ops\./, `own.${pod}.`) };
    });
}

/** What became of one cluster's events of one subject. */
export interface Arrived {
  /** Ids of what the cluster's own streams have, each in its order. */
  readonly stored: readonly string[];
  /** What the primary's `ops` has, in its order. */
  readonly found: readonly Kept[];
}

/**
 * Waits until `ops` has all that a cluster has stored, or no more of it for so many seconds.
 * @param sent ids of what was said
 * @throws Error when streams cannot be read at the end
 */
export async function arrivedOf(
  site: Site,
  { cluster, subject, sent }: { readonly cluster: string; readonly subject: string; readonly sent: readonly string[] },
  seconds: number,
): Promise<Arrived> {
  const connections: NatsConnection[] = [];
  try {
    const atPrimary = await reached(site, "primary");
    connections.push(atPrimary);
    const there = await (cluster === "primary"
      ? until("a server of primary", () => site.controller(), undefined, 240)
      : reached(site, cluster));
    connections.push(there);
    const origins = await originsOf(there, cluster, subject);
    const inOrigins = async () => {
      const counts = await Promise.all(origins.map((one) => count(one.connection, one.subject, one.stream)));
      return counts.reduce((sum, one) => sum + one, 0);
    };
    const wanted = await settled(inOrigins, sent.length, 5);
    const come = await settled(() => count(atPrimary, subject), wanted, seconds);
    // as many are there too early where a disk was wiped, or a stream was full: of what was fetched before, the origin has none any more
    let last: { arrived?: Arrived; error?: unknown } = {};
    const missing = async () => {
      last = await read(origins, atPrimary, subject).then(
        (arrived) => ({ arrived }),
        (error: unknown) => ({ error }),
      );
      if (!last.arrived) throw last.error;
      return judge(sent, last.arrived.stored, last.arrived.found).lost;
    };
    await settled(async () => -(await missing()), 0, come < wanted ? 5 : seconds);
    if (!last.arrived) throw new Error(`what ${cluster} has stored cannot be read`, { cause: last.error });
    return last.arrived;
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

async function read(origins: readonly Origin[], primary: NatsConnection, subject: string): Promise<Arrived> {
  // what an edge stores in between is then missing, and looked for again
  const found = await readStream(primary, subject);
  const stored: string[] = [];
  for (const one of origins) {
    for (const { id } of await readStream(one.connection, one.subject, one.stream)) stored.push(id);
  }
  return { stored, found };
}

/** How many messages of a subject a stream has. */
export async function count(connection: NatsConnection, subject: string, stream = OPS_STREAM): Promise<number> {
  const manager = await jetstreamManager(connection, { timeout: 5000 });
  const { state } = await manager.streams.info(stream, { subjects_filter: subject });
  return state.subjects?.[subject] ?? 0;
}

/** Waits until a count is as high as wanted, or has not grown for so many seconds; gives the last one, -1 where there was none for a minute. */
export async function settled(look: () => Promise<number>, wanted: number, seconds: number): Promise<number> {
  let last: number | undefined;
  let since = Date.now();
  for (;;) {
    const now = await look().catch(() => last);
    if (now !== last) [last, since] = [now, Date.now()];
    if (now !== undefined && now >= wanted) return now;
    const patience = now === undefined ? Math.max(seconds, 60) : seconds;
    if (Date.now() - since > patience * 1000) return now ?? -1;
    await pause(200);
  }
}
