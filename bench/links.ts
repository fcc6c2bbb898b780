// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { machine, median, ratios, spread } from "../sandbox/statistics.ts";
import { Installation } from "../test/harness/processes/installation.ts";
import type { NatsServer } from "../test/harness/processes/natsServer.ts";
import { siteOf } from "../test/harness/processes/site.ts";
import { DEFAULT_VERSION } from "../test/harness/processes/versions.ts";
import { edgesCalled, memoryOf, primaryListing, statOf } from "./processes.ts";
import "../test/harness/setup.ts"; // servers end with us

// What TLS costs a link, and what edges cost a primary that may never come. Servers as processes, on loopback.
const ROUNDS = Number(process.env.BENCH_RUNS ?? 5);
const EVENTS = 100_000;
const QUESTIONS = 300;
const TEXT = "x".repeat(500);
const SUBJECT = "ops.clusters.edge-1.bench";

/** How a link is, and both ends of it. */
interface Way {
  readonly name: string;
  readonly nats: Installation;
  readonly edge: NatsConnection;
  readonly primary: NatsConnection;
}

async function way(name: string, enabled: boolean): Promise<Way> {
  const edges = [{ name: "edge-1", receive: ["questions"] }];
  const nats = new Installation(DEFAULT_VERSION, {
    listed: edges,
    edges: ["edge-1"],
    primary: { replicas: 1, tls: { enabled } },
  });
  await nats.start();
  const site = siteOf(nats, []);
  return { name, nats, edge: await site.connect("edge-1"), primary: await site.connect("primary") };
}

/** Milliseconds of CPU that a process has had (utime and stime of proc(5), in ticks of 10 ms). */
async function cpu({ pid }: NatsServer): Promise<number> {
  const fields = await statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const memory = ({ pid }: NatsServer): Promise<number> => memoryOf(pid);

interface Found {
  /** Events a second that a subscriber at the primary hears. */
  readonly rate: number;
  /** Microseconds of CPU for an event, of both servers. */
  readonly cpu: number;
  /** Milliseconds from a question at the primary to the edge's answer, the middle one. */
  readonly answer: number;
}

async function measured({ nats, edge, primary }: Way): Promise<Found> {
  const servers = [nats.server("primary"), nats.server("edge-1")];
  const spent = async () => (await Promise.all(servers.map(cpu))).reduce((sum, ms) => sum + ms, 0);
  let heard = 0;
  const listener = primary.subscribe(SUBJECT, { callback: () => void heard++ });
  await primary.flush();
  await pause(200);
  const [before, start] = [await spent(), performance.now()];
  for (let i = 0; i < EVENTS; i++) {
    edge.publish(SUBJECT, TEXT);
    if (i % 1000 === 0) await edge.flush();
  }
  while (heard < EVENTS) await pause(5);
  const rate = EVENTS / ((performance.now() - start) / 1000);
  const work = ((await spent()) - before) / (EVENTS / 1000);
  listener.unsubscribe();
  const answerer = edge.subscribe("questions", { callback: (_, message) => void edge.publish(SUBJECT, message.data) });
  let answered = () => {};
  const answers = primary.subscribe(SUBJECT, { callback: () => answered() });
  await Promise.all([edge.flush(), primary.flush()]);
  await pause(200);
  const times: number[] = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const asked = performance.now();
    await new Promise<void>((done) => {
      answered = done;
      primary.publish("questions", "?");
    });
    times.push(performance.now() - asked);
  }
  answerer.unsubscribe();
  answers.unsubscribe();
  return { rate, cpu: work, answer: median(times) };
}

async function links(): Promise<string> {
  const ways = [await way("TLS, as it is by default", true), await way("plain (`tls.enabled: false`)", false)];
  try {
    const found = ways.map(() => [] as Found[]);
    for (const one of ways) await measured(one); // all is awake
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, one] of ways.entries()) {
        const all = await measured(one);
        found[i]?.push(all);
        console.log(`round ${round + 1} of ${ROUNDS}, ${one.name}: ${Math.round(all.rate)} a second`);
      }
    }
    const column = (i: number, key: keyof Found) => (found[i] ?? []).map((one) => one[key]);
    const cell = (i: number, key: keyof Found, digits: number) => {
      const ratio = i === 1 ? "1" : spread(ratios(column(i, key), column(1, key)), 2);
      return `${median(column(i, key)).toFixed(digits)} | ${ratio}`;
    };
    return ways
      .map(({ name }, i) => `| ${name} | ${cell(i, "rate", 0)} | ${cell(i, "cpu", 1)} | ${cell(i, "answer", 2)} |`)
      .join("\n");
  } finally {
    await Promise.all(ways.map(({ nats }) => nats.stop()));
    for (const { nats } of ways) assert.deepEqual(nats.drops(), []);
  }
}

/** A primary of three that lists so many edges: what one of its servers takes, and what a further edge costs it. */
async function listed(edges: number): Promise<string> {
  const names = edgesCalled(edges);
  const nats = primaryListing(names);
  try {
    await nats.start();
    const { servers } = nats.cluster("primary");
    const start = await Promise.all(servers.map(memory));
    const before = await Promise.all(servers.map(cpu));
    await nats.list([...names, "another"]);
    const after = await Promise.all(servers.map(cpu));
    const work = after.map((ms, i) => ms - (before[i] ?? 0));
    const text = `| ${edges} | ${(Buffer.byteLength(nats.deployed.include) / 1024).toFixed(0)} | ${spread(start, 0)} | ${spread(work, 0)} |`;
    console.log(text);
    return text;
  } finally {
    await nats.stop();
  }
}

const FLOOD = 200_000;

/**
 * Milliseconds from what one edge says until a subscriber at the primary hears it, while another is calm or says all that it can; both store.
 * @param there milliseconds from an edge to the primary, and back again
 */
async function beside(flooding: boolean, there: number): Promise<readonly number[]> {
  const persistence = { enabled: true, size: "4Gi" };
  const names = ["edge-1", "edge-2"];
  const nats = new Installation(DEFAULT_VERSION, {
    listed: names,
    edges: names,
    primary: { persistence },
    inMemory: true,
  });
  try {
    await nats.start();
    if (there > 0) nats.nodePort.delay(there);
    await Promise.all(names.map((name) => nats.linked(name)));
    const site = siteOf(nats, []);
    const [quiet, loud, primary] = [
      await site.connect("edge-1"),
      await site.connect("edge-2"),
      await site.connect("primary"),
    ];
    const times: number[] = [];
    const said = new Map<number, number>();
    primary.subscribe(SUBJECT, {
      callback: (_, message) => {
        const number = Number(message.string());
        times.push(performance.now() - (said.get(number) ?? Number.NaN));
      },
    });
    await primary.flush();
    await pause(3000);
    let done = !flooding;
    const flood = (async () => {
      for (let i = 0; i < FLOOD && !done; i++) {
        loud.publish("ops.clusters.edge-2.flood", TEXT);
        if (i % 500 === 0) await loud.flush();
      }
      done = true;
    })();
    for (let i = 0; i < 500; i++) {
      said.set(i, performance.now());
      quiet.publish(SUBJECT, String(i));
      await pause(10);
    }
    const end = Date.now() + 120_000;
    while (times.length < 500 && Date.now() < end) await pause(20);
    done = true;
    await flood;
    assert.equal(times.length, 500, "an event of the quiet edge was not heard");
    return times;
  } finally {
    await nats.stop();
    assert.deepEqual(nats.drops(), []);
  }
}

const quantile = (numbers: readonly number[], q: number) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(q * numbers.length)] ?? Number.NaN;

/** Milliseconds from an edge to the primary: one room, one town, a region, a country, a continent. */
const AWAY = [0, 2, 5, 10, 50];

async function floods(): Promise<string> {
  const rows: string[] = [];
  for (const there of AWAY) {
    const [calm, flooded] = [await beside(false, there), await beside(true, there)];
    const cells = [calm, flooded].flatMap((times) => [0.5, 0.99].map((q) => quantile(times, q)));
    const ratio = quantile(flooded, 0.5) / quantile(calm, 0.5);
    rows.push(`| ${there} | ${cells.map((ms) => ms.toFixed(1)).join(" | ")} | ${ratio.toFixed(1)} |`);
    console.log(rows.at(-1));
  }
  return rows.join("\n");
}

const rows = await links();
const flooded = await floods();
const primaries: string[] = [];
for (const edges of [20, 200, 1000]) primaries.push(await listed(edges));
await writeFile(
  join(resolve(import.meta.dirname, ".."), "docs/benchmarks/links.md"),
  `# What TLS costs a link, and edges a primary

Written by \`npm run bench:links\` on ${machine()}; servers as processes, nats-server ${DEFAULT_VERSION}, on loopback.

## TLS

${ROUNDS} rounds in turn, median (lowest to highest). ${EVENTS.toLocaleString("en-US")} events of ${TEXT.length} bytes from an edge to a subscriber at the primary, without persistence; CPU of both servers; ${QUESTIONS} questions
that the edge answers, one after the other.

| link | events a second | ratio | µs of CPU an event | ratio | ms to an answer | ratio |
| --- | --- | --- | --- | --- | --- | --- |
${rows}

## An edge beside another that floods

A primary of three with persistence and two edges that store, disks in memory; 500 events of the one edge, one each 10 ms, until a live subscriber at the primary hears them, while the
other edge is calm, or says ${FLOOD.toLocaleString("en-US")} events as fast as it can. Links go through a relay that holds back what passes, so long each way; of any width.

| ms to the primary | calm: ms, median | 99 of 100 | flood: ms, median | 99 of 100 | ratio of medians |
| --- | --- | --- | --- | --- | --- |
${flooded}

## Edges that are listed

A primary of three with persistence; none of the edges is up. Of its three servers the middle (lowest to highest). The work for a further edge is that of two reloads
([decision 2](../decisions/0002-accounts.md) has the same with one account for all).

| edges | KiB of the include file | MiB of memory a server | ms of CPU a server, for a further edge |
| --- | --- | --- | --- |
${primaries.join("\n")}
`,
);
