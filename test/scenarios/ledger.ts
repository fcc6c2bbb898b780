// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { setTimeout as pause } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { OPS_STREAM } from "../../nats/streams.ts";
import { readEvent } from "./flow.ts";

/** An event as a stream has it. */
export interface Kept {
  readonly id: string;
  readonly subject: string;
  /** When this stream stored it, in milliseconds. */
  readonly at: number;
  /** Milliseconds from when it was said to when this stream stored it. */
  readonly delay: number;
}

/**
 * What servers say when they drop what came too fast for a stream or a client. A slow consumer whose write deadline has passed is
 * a link that is cut: what it was not told is in the stream.
 */
export const DROPPED = /Dropping messages|IPQ len limit|max buffered|MaxPending/i;

/** What servers say when their disk has no room. */
export const NO_ROOM = /no space left|out of (disk|storage|resource)/i;

/** Seconds that a replica has to get what its leader has. */
const REPLICATED = 30;

/** All of a stream, in its order; every client of `app` may ask so for `ops`. */
export async function readStream(connection: NatsConnection, filter?: string, stream = OPS_STREAM): Promise<Kept[]> {
  const manager = await jetstreamManager(connection, { timeout: 20_000 });
  for (const end = Date.now() + REPLICATED * 1000; ; await pause(1000)) {
    const { state } = await manager.streams.info(stream, filter ? { subjects_filter: filter } : {});
    const has = filter ? Object.values(state.subjects ?? {}).reduce((sum, n) => sum + n, 0) : state.messages;
    const kept = has === 0 ? [] : await readReplica(connection, filter, stream);
    // a consumer reads from the server that it is on, which may not have all yet
    if (kept.length >= has || Date.now() > end) return kept;
  }
}

/** Seconds without a message after which a reader asks whether there are more. */
const SILENCE = 10;

async function readReplica(connection: NatsConnection, filter: string | undefined, stream: string): Promise<Kept[]> {
  const consumer = await jetstream(connection).consumers.get(stream, filter ? { filter_subjects: filter } : {});
  const { num_pending } = await consumer.info();
  const kept: Kept[] = [];
  if (num_pending === 0) {
    await consumer.delete().catch(() => false);
    return kept;
  }
  const messages = await consumer.consume({ max_messages: 5000 });
  // on a server that copied from the others meanwhile the last message may tell of more that are to come, and none does
  let came = Date.now();
  const silence = setInterval(async () => {
    if (Date.now() - came < SILENCE * 1000) return;
    const left = await consumer.info().catch(() => undefined);
    if (left?.num_pending === 0) messages.stop();
  }, 1000);
  try {
    for await (const message of messages) {
      came = Date.now();
      const told = readEvent(message.string());
      const at = message.info.timestampNanos / 1e6;
      kept.push({ id: told.id, subject: message.subject, at, delay: at - told.at });
      if (message.info.pending === 0) break;
    }
  } finally {
    clearInterval(silence);
  }
  await consumer.delete().catch(() => false);
  return kept;
}

/**
 * How many events of each subject of a cluster the primary's `ops` has.
 * @param of only of subjects that it had before
 */
export async function inOps(
  primary: NatsConnection,
  cluster: string,
  of?: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  const manager = await jetstreamManager(primary, { timeout: 20_000 });
  const { state } = await manager.streams.info("ops", { subjects_filter: `ops.clusters.${cluster}.>` });
  return new Map(Object.entries(state.subjects ?? {}).filter(([subject]) => of?.has(subject) ?? true));
}

/** Events that came together after they had waited: how many, and when the first and the last were stored (milliseconds). */
export interface Backlog {
  readonly events: number;
  readonly from: number;
  readonly to: number;
}

/** An event that was longer than this on its way has waited for something, in milliseconds. */
const WAITED = 1000;

const NONE: Backlog = { events: 0, from: 0, to: 0 };

/** The largest series of events, one after the other and none later than a second after the one before, that had all waited. */
export function backlogOf(found: readonly Kept[]): Backlog {
  let largest = NONE;
  let series = NONE;
  for (const { at, delay } of found) {
    const before = at - series.to > WAITED ? NONE : series;
    series = delay < WAITED ? NONE : { events: before.events + 1, from: before.from || at, to: at };
    if (series.events > largest.events) largest = series;
  }
  return largest;
}

/** Milliseconds from a moment until the first event is stored that had waited; undefined where none was. */
export function beganAfter(found: readonly Kept[], moment: number): number | undefined {
  const first = found.find(({ at, delay }) => delay >= WAITED && at >= moment);
  return first && first.at - moment;
}

/** Backlogs of several edges as one: all their events, and the milliseconds in which at least one of them was coming. */
export function together(backlogs: readonly Backlog[]): { readonly events: number; readonly ms: number } {
  const events = backlogs.reduce((sum, one) => sum + one.events, 0);
  let [ms, end] = [0, 0];
  for (const { from, to } of [...backlogs].sort((a, b) => a.from - b.from)) {
    ms += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return { events, ms };
}

/** What became of the events of one cluster. */
export interface Verdict {
  readonly sent: number;
  /** In the stream of the cluster that said them. The rest of what was sent is the core publisher's loss. */
  readonly stored: number;
  /** Stored there and not in the primary's `ops`. */
  readonly lost: number;
  /** More than once in `ops`. */
  readonly doubled: number;
  /** In `ops` for the first time after one that was stored after them. */
  readonly reordered: number;
  /** In `ops` and not stored at the cluster. */
  readonly strange: number;
  /** Events that were longer than a second on their way. */
  readonly late: number;
  /** The longest way from the publisher into `ops`, in milliseconds. */
  readonly longest: number;
  /** The largest part that came together of what it had to catch up with. */
  readonly backlog: Backlog;
}

/** Compares a cluster's own stream with what the primary's `ops` has of it. */
export function judge(sent: readonly string[], stored: readonly string[], found: readonly Kept[]): Verdict {
  const known = new Set(stored);
  const times = new Map<string, number>();
  for (const { id } of found) times.set(id, (times.get(id) ?? 0) + 1);
  const ids = [...times.keys()];
  const doubled = [...times.values()].reduce((sum, n) => sum + n - 1, 0);
  return {
    sent: sent.length,
    stored: new Set(stored).size,
    lost: stored.filter((id) => !times.has(id)).length,
    doubled,
    reordered: outOfOrder(stored, ids),
    strange: ids.filter((id) => !known.has(id)).length,
    late: found.filter(({ delay }) => delay >= WAITED).length,
    longest: found.reduce((most, { delay }) => Math.max(most, delay), 0),
    backlog: backlogOf(found),
  };
}

/** The same of the primary's own events: what passed through a server's stream may be gone from there, by its limits or with its disk. */
export const judgeOwn = (sent: readonly string[], stored: readonly string[], found: readonly Kept[]): Verdict =>
  judge(sent, [...new Set([...stored, ...found.map(({ id }) => id)])], found);

/** How many ids come after one that stands later in an order; ids that are not in it, and doubles, do not count. */
export function outOfOrder(order: readonly string[], ids: readonly string[]): number {
  const places = new Map(order.map((id, i) => [id, i]));
  let highest = -1;
  return [...new Set(ids)].filter((id) => {
    const place = places.get(id) ?? highest;
    const late = place < highest;
    highest = Math.max(highest, place);
    return late;
  }).length;
}

/** Counts what a live subscriber gets, by id. */
export class Live {
  readonly counts = new Map<string, number>();

  async on(connection: NatsConnection, subject: string): Promise<void> {
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        const { id } = readEvent(message.string());
        this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
      },
    });
    await connection.flush();
  }

  missed(ids: readonly string[]): number {
    return ids.filter((id) => !this.counts.has(id)).length;
  }

  doubled(ids: readonly string[]): number {
    return ids.reduce((sum, id) => sum + Math.max(0, (this.counts.get(id) ?? 0) - 1), 0);
  }
}
