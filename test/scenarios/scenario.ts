// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { setTimeout as pause } from "node:timers/promises";
import { arrivedOf, reached, settled } from "./arrived.ts";
import type { Site } from "./deployment.ts";
import { Flow } from "./flow.ts";
import { backlogOf, beganAfter, judge, judgeOwn, Live, outOfOrder } from "./ledger.ts";
import type { Outcome } from "./outcome.ts";
import { record } from "./report.ts";

export interface Load {
  /** Events a second of each cluster from a connection that is kept. */
  readonly steady: number;
  /** The same with a connection for each, as Ops has it. */
  readonly each: number;
  /** Bytes of an event. */
  readonly size: number;
}

export const LOAD: Load = { steady: 1000, each: 30, size: 300 };

let runs = 0;

/**
 * Lets events flow from every cluster, does something meanwhile, waits until all is where it belongs, and judges.
 * @param act what is done; the time (milliseconds) when a link was back, if it cut one
 * @param seconds longest wait for what was stored to arrive
 */
export async function during(
  site: Site,
  title: string,
  act: () => Promise<unknown>,
  { load = LOAD, seconds = 180 }: { readonly load?: Load; readonly seconds?: number } = {},
): Promise<readonly Outcome[]> {
  const run = `r${process.pid}x${++runs}`;
  const clusters = [...site.edges, "primary"];
  const subject = (cluster: string) => `ops.clusters.${cluster}.runs.${run}`;
  const live = new Live();
  const listener = await reached(site, "primary", true);
  await live.on(listener, "ops.>");
  const flows = new Map(clusters.map((cluster) => [cluster, publishers(site, run, cluster, subject(cluster), load)]));
  const every = [...flows.values()].flat();
  try {
    for (const flow of every) flow.start();
    await pause(1000);
    const back = await act();
    await pause(1000);
    await Promise.all(every.map((flow) => flow.stop()));
    // where nothing is stored, what has not come when nothing has for a while does not come
    const said = every.reduce((sum, { sent }) => sum + sent.length, 0);
    if (!site.place.persistent) await settled(async () => live.counts.size, said, 10);
    const outcomes: Outcome[] = [];
    for (const cluster of clusters) {
      const own = flows.get(cluster) ?? [];
      const verdict = await judged(
        { site, cluster, subject: subject(cluster), back: typeof back === "number" ? back : undefined },
        own,
        live,
        seconds,
      );
      outcomes.push({ title, cluster, ...verdict });
    }
    await record(site.place, outcomes);
    return outcomes;
  } finally {
    // also when what was done failed: a publisher or a listener that goes on keeps the whole run from ending
    await Promise.all(every.map((flow) => flow.stop()));
    await listener.close();
  }
}

function publishers(site: Site, run: string, cluster: string, subject: string, load: Load): Flow[] {
  const connect = () => site.connect(cluster);
  const { size } = load;
  return [
    ...(load.steady > 0
      ? [new Flow(`${run}.${cluster}.steady`, subject, { rate: load.steady, size, connectionEach: false }, connect)]
      : []),
    ...(load.each > 0
      ? [new Flow(`${run}.${cluster}.each`, subject, { rate: load.each, size, connectionEach: true }, connect)]
      : []),
  ];
}

interface Told {
  readonly site: Site;
  readonly cluster: string;
  readonly subject: string;
  readonly back: number | undefined;
}

async function judged(
  { site, cluster, subject, back }: Told,
  flows: readonly Flow[],
  live: Live,
  seconds: number,
): Promise<Omit<Outcome, "title" | "cluster">> {
  const started = Date.now();
  const sent = flows.flatMap((flow) => flow.sent);
  if (!site.place.persistent) {
    const verdict = {
      sent: sent.length,
      stored: 0,
      lost: 0,
      doubled: 0,
      reordered: 0,
      strange: 0,
      late: 0,
      longest: 0,
      backlog: backlogOf([]),
    };
    return { ...verdict, unheard: live.missed(sent), heardTwice: live.doubled(sent), settling: 0 };
  }
  const { stored, found } = await arrivedOf(site, { cluster, subject, sent }, seconds);
  const settling = (Date.now() - started) / 1000;
  const ids = found.map(({ id }) => id);
  await settled(async () => ids.length - live.missed(ids), ids.length, 5);
  const heard = { unheard: live.missed(ids), heardTwice: live.doubled(ids) };
  const began = back === undefined ? undefined : beganAfter(found, back);
  const common = { ...heard, began, settling };
  if (cluster !== "primary") return { ...judge(sent, stored, found), ...common };
  // no stream says in which order the servers together took them: what one connection says stays in order
  const lasting = flows.filter(({ connectionEach }) => !connectionEach);
  const reordered = lasting.reduce((sum, flow) => sum + outOfOrder(flow.sent, ids), 0);
  return { ...judgeOwn(sent, stored, found), reordered, ...common };
}

/** An outcome in which an edge lost its disk: what was fetched before is in `ops`, and at the edge no more. */
export const wipedAt =
  (edge: string) =>
  (outcome: Outcome): Outcome =>
    outcome.cluster === edge ? { ...outcome, strange: 0 } : outcome;

/**
 * What must be true of clusters that nobody could hear for so many seconds, while the live subscriber's own link stood: what they said has
 * waited, and has then been heard, once; without persistence some of it was missed. Empty when it is: a fault that did nothing is told.
 */
export const complaintsAlone = (
  outcomes: readonly Outcome[],
  seconds: number,
  { persistent }: { readonly persistent: boolean },
): string[] =>
  outcomes.flatMap(({ cluster, longest, unheard, heardTwice }) => {
    if (!persistent) return unheard > 0 ? [] : [`${cluster}: nothing was missed`];
    const short = longest > seconds * 900 ? [] : [`${cluster}: waited ${longest} ms at most, not ${seconds} s`];
    return [...short, ...missed({ cluster, unheard, heardTwice })];
  });

const missed = ({ cluster, unheard, heardTwice }: Pick<Outcome, "cluster" | "unheard" | "heardTwice">): string[] =>
  unheard + heardTwice > 0 ? [`${cluster}: ${unheard} not heard, ${heardTwice} heard twice`] : [];

/** What must be true of what edges have stored while the live subscriber's own server and link stood: it has heard all, each event once. */
export const complaintsHeard = (outcomes: readonly Outcome[]): string[] =>
  outcomes.filter(({ cluster }) => cluster !== "primary").flatMap(missed);

/** What must be true of stored events, whatever happened; empty when it is. */
export const complaints = (outcomes: readonly Outcome[]): string[] =>
  outcomes.flatMap(({ title, cluster, stored, lost, doubled, reordered, strange }) => {
    // a publisher at the primary that loses its server goes on at another, which hands on what it is told when it can
    const bad = { lost, doubled, ...(cluster === "primary" ? {} : { reordered }), strange };
    const found = Object.entries(bad).filter(([, number]) => number > 0);
    const words = found.map(([what, number]) => `${number} ${what}`);
    if (stored === 0) words.push("nothing was stored");
    return words.length === 0 ? [] : [`${title}, ${cluster}: ${words.join(", ")} of ${stored}`];
  });
