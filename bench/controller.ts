// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readdir, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { machine } from "../sandbox/statistics.ts";
import { RawLeaf } from "../test/harness/processes/rawLeaf.ts";
import { DEFAULT_VERSION } from "../test/harness/processes/versions.ts";
import { edgesCalled, memoryOf, primaryListing, statOf } from "./processes.ts";
import "../test/harness/setup.ts"; // servers end with us

// What the controller of a primary of three takes while nothing happens: its links stand, all is as planned. As processes, on loopback.
const SECONDS = Number(process.env.BENCH_SECONDS ?? 120);
const MINUTE = 60; // between two looks at streams where all is as planned

interface Taken {
  /** Milliseconds of CPU that a process and its ended children had, and MiB of memory. */
  readonly cpu: number;
  readonly memory: number;
}

/** All processes of a group: utime, stime, cutime and cstime of proc(5), in ticks of 10 ms, and VmRSS. */
async function taken(group: number): Promise<Taken> {
  let [cpu, memory] = [0, 0];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = await statOf(pid);
      if (Number(fields[2]) !== group) continue;
      cpu += fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * 10;
      memory += await memoryOf(pid);
    } catch (error) {
      if (!["ENOENT", "ESRCH"].includes(String((error as NodeJS.ErrnoException).code))) throw error; // it has just ended
    }
  }
  return { cpu, memory };
}

async function idle(edges: number): Promise<string> {
  const names = edgesCalled(edges);
  const nats = primaryListing(names);
  const links: RawLeaf[] = [];
  try {
    await nats.start();
    for (const name of names) {
      const link = await RawLeaf.connect(nats.nodePort.port, `${name}.nats-0`, nats.deployed.link(name));
      if (!(await link.accepted())) throw new Error(`${name} has no link: ${link.errors}`);
      links.push(link);
    }
    const { pid } = nats.controller("primary");
    await pause(MINUTE * 1000);
    const before = await taken(pid);
    await pause(SECONDS * 1000);
    const after = await taken(pid);
    if (links.some(({ closed }) => closed)) throw new Error("a link has gone");
    const text = `| ${edges} | ${((after.cpu - before.cpu) / SECONDS).toFixed(1)} | ${after.memory.toFixed(0)} |`;
    console.log(text);
    return text;
  } finally {
    for (const link of links) link.close();
    await nats.stop();
  }
}

const rows: string[] = [];
for (const edges of [20, 200]) rows.push(await idle(edges));
const page = `# What the controller takes

Written by \`npm run bench:controller\` on ${machine()}; servers and the controller as processes, nats-server ${DEFAULT_VERSION}, on loopback.

A primary of three with persistence, so many edges with a link each, nothing else: over ${SECONDS} s, a minute after all was as planned.

| edges | millicores | MiB of memory |
| --- | --- | --- |
${rows.join("\n")}
`;
await writeFile(resolve(import.meta.dirname, "../docs/benchmarks/controller.md"), page);
