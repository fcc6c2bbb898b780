// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { stateFolder } from "../../sandbox/cluster/layout.ts";
import { machine } from "../../sandbox/statistics.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { page } from "../scenarios/page.ts";
import { type Row, recorded, renewed, totalOf } from "../scenarios/report.ts";

const PROJECT = resolve(import.meta.dirname, "../..");
const OUTCOMES = join(stateFolder, "reports/outcomes.jsonl");
const ROWS = join(PROJECT, "docs/benchmarks/durability.jsonl");
const PAGE = join(PROJECT, "docs/benchmarks/durability.md");
/** Events that the default server is to have stored in all scenarios together, before "none is lost" says much. */
const ENOUGH = 1_000_000;

/** Runs the long faults, and writes what became of the events into docs/benchmarks/durability.md and .jsonl, also when something was lost. */
async function main(): Promise<void> {
  const started = Date.now();
  await mkdir(join(stateFolder, "reports"), { recursive: true });
  await rm(OUTCOMES, { force: true });
  console.log(`each outcome as it comes: ${OUTCOMES}`);
  const run = await execa("npx", ["tsx", "sandbox/test.ts", "chaos", "--processes", "2", ...process.argv.slice(2)], {
    cwd: PROJECT,
    stdio: ["ignore", "inherit", "inherit"],
    env: { OUTCOMES },
    reject: false,
  });
  // a part of the suite (--grep) takes the place of the same rows only
  const text = await readFile(ROWS, "utf8").catch(() => "");
  const old = text.split("\n").flatMap((row) => (row === "" ? [] : [JSON.parse(row) as Row]));
  const fresh = await recorded(OUTCOMES, new Date().toISOString().slice(0, 10));
  if (fresh.length === 0) {
    console.log(`nothing was run to its end: ${PAGE} stays as it is`);
    process.exitCode = 1;
    return;
  }
  const whole = process.argv.length === 2;
  const rows = renewed(old, fresh, whole && !run.failed);
  await writeFile(ROWS, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(PAGE, page(rows, machine()));
  console.log(`written: ${PAGE}, after ${Math.round((Date.now() - started) / 60_000)} min`);
  const { stored } = totalOf(fresh, DEFAULT_VERSION);
  const few = whole && stored < ENOUGH;
  if (few) console.log(`expected ${ENOUGH} events stored on ${DEFAULT_VERSION} in one run of all; came ${stored}`);
  if (run.failed || few) process.exitCode = 1;
}

await main();
