// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { machine, median, ratios, spread } from "../sandbox/statistics.ts";
import { Installation } from "../test/harness/processes/installation.ts";
import { siteOf } from "../test/harness/processes/site.ts";
import { DEFAULT_VERSION } from "../test/harness/processes/versions.ts";
import "../test/harness/setup.ts"; // servers end with us

// How fast events come: live, straight and over a leaf link, and a backlog. Servers as processes, primary of three, on loopback.
const ROUNDS = Number(process.env.BENCH_RUNS ?? 3);
const CUTS = [3, 10, 20, 60];
/** Events a second of a catch-up below which the benchmark fails. */
const WISHED = 15_000;
const BACKLOG = Number(process.env.BENCH_BACKLOG ?? 1_000_000);
const SIZE = 500;
const TEXT = "x".repeat(SIZE - 20);

interface Path {
  readonly name: string;
  readonly from: NatsConnection;
  readonly to: NatsConnection;
  readonly subject: string;
  /** Events of a throughput run, so that one takes seconds. */
  readonly events: number;
}

/** Events a second that a subscriber gets while a publisher says so many as it can. */
async function throughput({ from, to, subject, events }: Path): Promise<number> {
  let got = 0;
  const subscription = to.subscribe(`${subject}.burst`, { callback: () => void got++ });
  await to.flush();
  await pause(300);
  const start = performance.now();
  for (let i = 0; i < events; i++) {
    from.publish(`${subject}.burst`, TEXT);
    if (i % 1000 === 0) await from.flush();
  }
  await from.flush();
  while (got < events) await pause(1);
  subscription.unsubscribe();
  return events / ((performance.now() - start) / 1000);
}

/** Milliseconds of the way of single events, 500 a second for four seconds, in order. */
async function latencies({ from, to, subject }: Path): Promise<number[]> {
  const took: number[] = [];
  const subscription = to.subscribe(`${subject}.single`, {
    callback: (_, message) => void took.push(performance.now() - Number(message.string().split(" ")[0])),
  });
  await to.flush();
  await pause(300);
  const events = 2000;
  for (let i = 0; i < events; i++) {
    from.publish(`${subject}.single`, `${performance.now()} ${TEXT}`);
    await pause(2);
  }
  while (took.length < events) await pause(5);
  subscription.unsubscribe();
  return took.sort((a, b) => a - b);
}

const at = (sorted: readonly number[], part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;

async function installed(persistent: boolean): Promise<Installation> {
  const primary = persistent ? { primary: { persistence: { enabled: true, size: "20Gi" } } } : {};
  const edge = { persistence: { size: "8Gi" } };
  const nats = new Installation(DEFAULT_VERSION, { listed: ["edge-1"], edges: ["edge-1"], ...primary, edge });
  await nats.start();
  return nats;
}

/** Takes an installation down; figures of one whose servers have dropped something are none. */
async function ended(nats: Installation): Promise<void> {
  await nats.stop();
  assert.deepEqual(nats.drops(), []);
}

async function live(): Promise<string[]> {
  const [plain, kept] = [await installed(false), await installed(true)];
  try {
    const path = async (name: string, nats: Installation, cluster: string, events: number): Promise<Path> => ({
      name,
      from: await siteOf(nats, []).connect(cluster),
      to: await siteOf(nats, []).connect("primary"),
      subject: `ops.clusters.${cluster}.bench`,
      events,
    });
    const straight = await path("straight at the primary", plain, "primary", 200_000);
    const others = [
      await path("over the leaf link, without persistence", plain, "edge-1", 200_000),
      await path("over the leaf link, with persistence", kept, "edge-1", 20_000),
      await path("at the primary itself, with persistence", kept, "primary", 50_000),
    ];
    for (const one of [straight, ...others]) await throughput({ ...one, events: 5000 }); // all is awake
    const seen = new Map<string, { rate: number[]; p50: number[]; p99: number[] }>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const one of [straight, ...others]) {
        const found = seen.get(one.name) ?? { rate: [], p50: [], p99: [] };
        found.rate.push(await throughput(one));
        const sorted = await latencies(one);
        found.p50.push(at(sorted, 0.5));
        found.p99.push(at(sorted, 0.99));
        seen.set(one.name, found);
        console.log(`round ${round + 1} of ${ROUNDS}, ${one.name}: ${Math.round(found.rate.at(-1) ?? 0)} a second`);
      }
    }
    const base = seen.get(straight.name) ?? { rate: [], p50: [], p99: [] };
    return [...seen].map(([name, { rate, p50, p99 }]) => {
      const against =
        name === straight.name
          ? ["1", "1", "1"]
          : [spread(ratios(rate, base.rate), 3), spread(ratios(p50, base.p50), 1), spread(ratios(p99, base.p99), 1)];
      return `| ${[name, `${Math.round(median(rate))}`, against[0], `${median(p50).toFixed(2)} ms`, against[1], `${median(p99).toFixed(2)} ms`, against[2]].join(" | ")} |`;
    });
  } finally {
    await Promise.all([plain.stop(), ended(kept)]);
  }
}

/** A backlog that a cut link has made, and how long the primary needs for it. */
async function catchUp(): Promise<string> {
  const nats = await installed(true);
  try {
    const site = siteOf(nats, []);
    const [edge, primary] = [await site.connect("edge-1"), await site.connect("primary")];
    nats.nodePort.break();
    const filling = performance.now();
    const stored = async (connection: NatsConnection) =>
      (await (await jetstreamManager(connection, { timeout: 20_000 })).streams.info("ops")).state.messages;
    for (let i = 0; i < BACKLOG; i++) {
      edge.publish("ops.clusters.edge-1.bench", TEXT + String(i).padStart(20));
      if (i % 20_000 === 0) {
        await edge.flush();
        while ((await stored(edge)) < i - 100_000) await pause(100);
      }
    }
    while ((await stored(edge)) < BACKLOG) await pause(200);
    const filled = (performance.now() - filling) / 1000;
    console.log(`${BACKLOG} events stored at the edge in ${filled.toFixed(0)} s`);
    const mended = performance.now();
    nats.nodePort.mend();
    let first = Number.NaN;
    for (let have = 0; have < BACKLOG; await pause(50)) {
      have = await stored(primary).catch(() => have);
      if (have > 0 && Number.isNaN(first)) first = performance.now();
    }
    const done = performance.now();
    const [start, rate] = [(first - mended) / 1000, BACKLOG / ((done - first) / 1000)];
    if (!(rate >= WISHED)) {
      console.log(`expected ${WISHED} events a second or more; came ${Math.round(rate)}`);
      process.exitCode = 1;
    }
    console.log(`caught up: began after ${start.toFixed(1)} s, ${Math.round(rate)} a second`);
    return `A backlog of ${BACKLOG.toLocaleString("en-US")} events of ${SIZE} bytes at one edge (stored at ${Math.round(BACKLOG / filled)} a second, each written through to the disk): the catch-up began ${start.toFixed(1)} s after the link was back and brought **${Math.round(rate).toLocaleString("en-US")} a second** into \`ops\` of three replicas (wished: at least ${WISHED.toLocaleString("en-US")}).`;
  } finally {
    await ended(nats);
  }
}

/** How long after a cut the first event of the backlog is in `ops`, by the length of the cut. */
async function starts(): Promise<string[]> {
  const nats = await installed(true);
  try {
    const site = siteOf(nats, []);
    const [edge, primary] = [await site.connect("edge-1"), await site.connect("primary")];
    const streams = async () => (await jetstreamManager(primary, { timeout: 20_000 })).streams;
    const have = async () => (await (await streams()).info("ops")).state.messages;
    const rows: string[] = [];
    for (const seconds of CUTS) {
      const took: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        edge.publish("ops.clusters.edge-1.bench", TEXT);
        await pause(3000);
        const before = await have();
        nats.nodePort.break();
        for (let i = 0; i < seconds; i++) {
          edge.publish("ops.clusters.edge-1.bench", TEXT);
          await pause(1000);
        }
        const mended = performance.now();
        nats.nodePort.mend();
        while ((await have()) === before) await pause(20);
        took.push((performance.now() - mended) / 1000);
      }
      console.log(`cut of ${seconds} s: ${spread(took, 1)} s`);
      rows.push(`| ${seconds} s | ${spread(took, 1)} s |`);
    }
    return rows;
  } finally {
    await ended(nats);
  }
}

const rows = await live();
const begins = await starts();
const text = await catchUp();
await writeFile(
  join(resolve(import.meta.dirname, ".."), "docs/benchmarks/events.md"),
  `# How fast events come

Written by \`npm run bench:events\` (${ROUNDS} rounds in turn, median (lowest to highest)). Servers as processes on loopback, a primary of three, one edge
of one, nats-server ${DEFAULT_VERSION}; publisher and subscriber are one Node process, all on ${machine()}. Events of ${SIZE} bytes. Single events: 500 a second.

| way | events a second | ratio | p50 | ratio | p99 | ratio |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

${text}

When the catch-up begins, by the length of the cut (connections reset, new ones refused; from when they are taken again, which an
edge tries every second or so):

| cut | first event in \`ops\` after |
| --- | --- |
${begins.join("\n")}
`,
);
