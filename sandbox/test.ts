// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { stateFolder } from "./cluster/layout.ts";
import { checkSandbox } from "./cluster/sandbox.ts";
import { serverToolchain, toolchain } from "./toolchain/toolchain.ts";

const PROJECT = resolve(import.meta.dirname, "..");

/** Programs are found or built before the tests start, so that no test waits a quarter of an hour for a compiler. */
const PROGRAMS: Readonly<Record<string, () => Promise<unknown>>> = {
  conformance: () => serverToolchain((text) => console.log(text)),
  e2e: () => everything(2),
  steps: () => everything(2),
  chaos: () => everything(3),
};

async function everything(edges: number): Promise<void> {
  await checkSandbox(edges);
  await toolchain((text) => console.log(text));
}

/** One run of mocha. */
interface Run {
  /** Its files. */
  readonly spec: string;
  /** The longest that one test may take. */
  readonly seconds: number;
  /** Not to wait for connections: a client whose cluster was taken down keeps one that nobody answers. */
  readonly exit?: boolean;
}

/** The suites, each run of mocha in turn. */
const SUITES: Readonly<Record<string, readonly Run[]>> = {
  unit: [{ spec: "test/*.test.ts", seconds: 20 }],
  conformance: [{ spec: "test/conformance/*.test.ts", seconds: 900 }],
  // the machine's own checks first: they take the sandbox up and down; the claims then share one
  e2e: [
    { spec: "test/e2e/*.test.ts", seconds: 300, exit: true },
    { spec: "test/e2e/claims/*.test.ts", seconds: 900, exit: true },
  ],
  steps: [{ spec: "test/e2e/steps/*.test.ts", seconds: 900, exit: true }],
  chaos: [{ spec: "test/chaos/*.test.ts", seconds: 900, exit: true }],
};

interface Report {
  readonly stats: { readonly passes: number; readonly failures: number; readonly pending: number };
}

/** One run of mocha: what it prints goes on, what it counted comes back. A run that died counts as one failure. */
async function run({ spec, seconds, exit }: Run, folder: string, grep?: string): Promise<Report["stats"]> {
  const file = join(folder, `${spec.replace(/[^a-z0-9]+/gi, "-")}.json`);
  await rm(file, { force: true });
  // not by mocha's --node-option, for which it starts a second process and hands no SIGTERM on to it
  const mocha = ["--import=tsx", join(PROJECT, "node_modules/mocha/bin/mocha.js")];
  const args = [
    "--no-config",
    "--require",
    "./test/setup.ts",
    "--timeout",
    String(seconds * 1000),
    ...(exit ? ["--exit"] : []),
  ];
  const only = grep === undefined ? [] : ["--grep", grep];
  const reporter = ["--reporter", "./sandbox/reporter.cjs", "--reporter-option", `output=${file}`];
  const ended = await execa(process.execPath, [...mocha, ...args, ...reporter, ...only, spec], {
    cwd: PROJECT,
    stdio: ["ignore", "inherit", "inherit"],
    reject: false,
  });
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return { passes: 0, failures: 1, pending: 0 };
  const { stats } = JSON.parse(text) as Report;
  return ended.failed && stats.failures === 0 ? { ...stats, failures: 1 } : stats;
}

/** What the command line asks for; any other word on it would make a run of hours out of a slip. */
function asked(words: string[]): { readonly names: readonly string[]; readonly grep?: string } {
  const expected = `expected one or more of ${Object.keys(SUITES).join(", ")}, and perhaps --grep "part of a title"`;
  try {
    const { values, positionals } = parseArgs({
      args: words,
      options: { grep: { type: "string" } },
      allowPositionals: true,
    });
    const strange = positionals.filter((name) => !Object.hasOwn(SUITES, name));
    if (strange.length > 0) throw new Error(`no suite: ${strange.join(", ")}`);
    if (positionals.length === 0) throw new Error("no suite named");
    return { names: positionals, ...values };
  } catch (error) {
    console.error(`${(error as Error).message}; ${expected}; next: npm test`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const { names, grep } = asked(process.argv.slice(2));
  const folder = join(stateFolder, "reports");
  await mkdir(folder, { recursive: true });
  const counts: Report["stats"][] = [];
  for (const name of names) await PROGRAMS[name]?.();
  for (const name of names) for (const one of SUITES[name] ?? []) counts.push(await run(one, folder, grep));
  const sum = (key: keyof Report["stats"]) => counts.reduce((total, count) => total + count[key], 0);
  const [passed, failed, skipped] = [sum("passes"), sum("failures"), sum("pending")];
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}

await main();
