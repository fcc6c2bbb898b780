// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism, constants } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { project, stateFolder } from "./cluster/layout.ts";
import { checkSandbox } from "./cluster/sandbox.ts";
import { type Counts, type Ended, logOf, mochaRun, shortOf, titleOf } from "./mochaRun.ts";
import { inPlaces } from "./pool.ts";
import { type Run, SUITES, stages } from "./suites.ts";
import { serverToolchain, toolchain } from "./toolchain/toolchain.ts";

const say = (text: string): void => console.log(text);
const servers = () => serverToolchain(say);

/** Programs are found or built before the tests start, so that no test waits a quarter of an hour for a compiler. */
const PROGRAMS: Readonly<Record<string, () => Promise<unknown>>> = {
  quick: servers,
  rest: servers,
  conformance: servers,
  e2e: () => everything(2),
  steps: () => everything(2),
  chaos: () => everything(3),
};

async function everything(edges: number): Promise<void> {
  await checkSandbox(edges);
  await toolchain(say);
}

/** Tests wait more than they compute: three at a time on two cores took least, four a little more. */
const PROCESSES = Math.min(8, Math.ceil(availableParallelism() * 1.5));
/** Seconds between two lines about what runs. */
const PROGRESS = 30;

interface Asked {
  readonly names: readonly string[];
  readonly grep?: string | undefined;
  readonly processes: number;
  readonly seconds?: number | undefined;
}

/** What the command line asks for; any other word on it would make a run of hours out of a slip. */
function asked(words: string[]): Asked {
  const expected =
    `expected one or more of ${Object.keys(SUITES).join(", ")}, and perhaps --grep "part of a title", ` +
    "--processes <number>, --seconds <time limit of all>";
  try {
    const text = { type: "string" } as const;
    const options = { grep: text, processes: text, seconds: text };
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
    const strange = positionals.filter((name) => !Object.hasOwn(SUITES, name));
    if (strange.length > 0) throw new Error(`no suite: ${strange.join(", ")}`);
    if (positionals.length === 0) throw new Error("no suite named");
    const number = (key: "processes" | "seconds") => {
      const given = values[key];
      if (given === undefined || /^[1-9]\d*$/.test(given)) return given === undefined ? undefined : Number(given);
      throw new Error(`--${key} ${given}: must be a number from 1 on`);
    };
    const { grep } = values;
    return { names: positionals, grep, processes: number("processes") ?? PROCESSES, seconds: number("seconds") };
  } catch (error) {
    console.error(`${(error as Error).message}; ${expected}; next: npm test`);
    process.exit(2);
  }
}

/** Ends all runs, by a signal or when the time is over; their servers end with them. */
function stopper(seconds: number | undefined): AbortController {
  const stop = new AbortController();
  // never `once`: execa ends this process at a signal that nobody else listens to
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      process.exitCode = 128 + constants.signals[signal];
      stop.abort(`ended by ${signal}`);
    });
  }
  if (seconds !== undefined) setTimeout(() => stop.abort(`ended: ${seconds} s are over`), seconds * 1000).unref();
  return stop;
}

const counted = ({ passes, failures, pending }: Counts): string =>
  `${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`;

/** Runs that are beside each other: each prints all that it has to say when it ends. */
async function together(runs: readonly Run[], processes: number, folder: string, stop: AbortSignal): Promise<Ended[]> {
  const ended: Ended[] = [];
  const running = new Map<Run, number>();
  const started = Date.now();
  const since = (moment: number) => `${Math.round((Date.now() - moment) / 1000)} s`;
  say(`${runs.length} files, ${processes} at a time; logs: ${relative(project, folder)}`);
  const progress = setInterval(() => {
    const names = [...running].map(([run, moment]) => `${shortOf(run)} (${since(moment)})`);
    say(`-- ${since(started)}: ${ended.length} of ${runs.length} files done; running: ${names.join(", ")}`);
  }, PROGRESS * 1000);
  await inPlaces(runs, processes, async (run, number) => {
    if (stop.aborted) {
      ended.push({ ...NOTHING, title: titleOf(run), broken: `not run (${stop.reason})` });
      return;
    }
    running.set(run, Date.now());
    const one = await mochaRun(run, { folder, stop, place: { number, of: processes } });
    running.delete(run);
    ended.push(one);
    const log = await readFile(logOf(run, folder), "utf8").catch(() => "");
    say(`\n== ${one.title}: ${counted(one)}, ${one.seconds} s${one.broken ? `; ${one.broken}` : ""}\n${log.trimEnd()}`);
  }).finally(() => clearInterval(progress));
  return ended;
}

/** A run that did not happen is no success. */
const NOTHING = { passes: 0, failures: 1, pending: 0, seconds: 0 } as const;

async function main(): Promise<void> {
  const { names, grep, processes, seconds } = asked(process.argv.slice(2));
  const folder = join(stateFolder, "reports");
  await mkdir(folder, { recursive: true });
  const { signal: stop } = stopper(seconds);
  for (const prepare of new Set(names.map((name) => PROGRAMS[name]))) await prepare?.();
  const all: Ended[] = [];
  for (const stage of stages(names, grep)) {
    const [only] = stage;
    if (!only?.alone) all.push(...(await together(stage, processes, folder, stop)));
    else if (stop.aborted) all.push({ ...NOTHING, title: titleOf(only), broken: `not run (${stop.reason})` });
    else all.push(await mochaRun(only, { folder, grep, stop }));
  }
  if (all.length > 1) say("");
  for (const one of all.length > 1 ? [...all].sort((a, b) => b.seconds - a.seconds) : [])
    say(`${String(one.seconds).padStart(5)} s  ${one.title}${one.failures > 0 ? `: ${counted(one)}` : ""}`);
  for (const { title, broken } of all) if (broken) say(`✘ ${title}: ${broken}`);
  const sum = (key: keyof Counts) => all.reduce((total, one) => total + one[key], 0);
  const total = { passes: sum("passes"), failures: sum("failures"), pending: sum("pending") };
  say(counted(total));
  if (total.failures > 0 || total.passes === 0) process.exitCode ??= 1;
}

await main();
