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

// What it costs a lone edge server to write each event through to its disk. Servers as processes, the link to the primary cut.
const ROUNDS = Number(process.env.BENCH_RUNS ?? 5);
const EVENTS = 20_000;
const TEXT = "x".repeat(500);

/** How an edge writes, and the edge that does so. */
interface Way {
  readonly name: string;
  readonly nats: Installation;
  readonly edge: NatsConnection;
}

async function way(name: string, sync: string): Promise<Way> {
  const edge = {
    persistence: { size: "8Gi" },
    values: { config: { jetstream: { merge: { sync_interval: sync } } } },
  };
  const primary = { persistence: { enabled: true, size: "8Gi" } };
  const nats = new Installation(DEFAULT_VERSION, { listed: ["edge-1"], edges: ["edge-1"], primary, edge });
  await nats.start();
  nats.nodePort.break();
  return { name, nats, edge: await siteOf(nats, []).connect("edge-1") };
}

/** Events a second that are in the edge's stream, from the first that is said to the last that is stored. */
async function rate({ edge }: Way): Promise<number> {
  const { streams } = await jetstreamManager(edge, { timeout: 20_000 });
  const stored = async () => (await streams.info("ops")).state.messages;
  const before = await stored();
  const start = performance.now();
  for (let i = 0; i < EVENTS; i++) edge.publish("ops.clusters.edge-1.bench", TEXT);
  await edge.flush();
  while ((await stored()) < before + EVENTS) await pause(5);
  return EVENTS / ((performance.now() - start) / 1000);
}

const ways = [
  await way("each written through (`always`, as lone edges have it)", "always"),
  await way("every 10 s", "10s"),
];
try {
  const rates = ways.map(() => [] as number[]);
  for (const one of ways) await rate(one); // all is awake
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, one] of ways.entries()) {
      const found = await rate(one);
      rates[i]?.push(found);
      console.log(`round ${round + 1} of ${ROUNDS}, ${one.name}: ${Math.round(found)} a second`);
    }
  }
  const base = rates[1] ?? [];
  const rows = ways.map(
    ({ name }, i) =>
      `| ${name} | ${Math.round(median(rates[i] ?? []))} | ${i === 1 ? "1" : spread(ratios(rates[i] ?? [], base), 3)} |`,
  );
  await writeFile(
    join(resolve(import.meta.dirname, ".."), "docs/benchmarks/writes.md"),
    `# What writing through costs a lone edge

Written by \`npm run bench:writes\` (${ROUNDS} rounds in turn, median (lowest to highest)). One edge server as a process, nats-server ${DEFAULT_VERSION}, the
link cut; bursts of ${EVENTS.toLocaleString("en-US")} events of ${TEXT.length} bytes from one publisher, until all are in the stream; on ${machine()}.

| \`sync_interval\` | events a second | ratio |
| --- | --- | --- |
${rows.join("\n")}
`,
  );
} finally {
  await Promise.all(ways.map(({ nats }) => nats.stop()));
  // figures of servers that have dropped something are none
  for (const { nats } of ways) assert.deepEqual(nats.drops(), []);
}
