// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFile, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { execa } from "execa";
import type { Run } from "./suites.ts";

const PROJECT = resolve(import.meta.dirname, "..");
/** Seconds after which a run that hangs is ended, where it names none. */
const HANGS = 1200;

export interface Counts {
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
}

/** What became of one run. */
export interface Ended extends Counts {
  readonly title: string;
  readonly seconds: number;
  /** Why it did not come to its end. */
  readonly broken?: string | undefined;
}

export const titleOf = ({ files: [first = "", ...more] }: Run): string =>
  more.length === 0 ? first : `${first} and ${more.length} more`;

/** The name of its report, and of its log. */
const nameOf = (run: Run): string => titleOf(run).replace(/[^a-z0-9]+/gi, "-");
export const logOf = (run: Run, folder: string): string => join(folder, `${nameOf(run)}.log`);

export interface Around {
  /** Where reports and logs go. */
  readonly folder: string;
  readonly grep?: string | undefined;
  /** Ends it. */
  readonly stop: AbortSignal;
  /** Beside others: its output goes to its log, its ports are those of its place. */
  readonly place?: { readonly number: number; readonly of: number } | undefined;
}

/** One process of mocha; a run that died counts as one failure. */
export async function mochaRun(run: Run, { folder, grep, stop, place }: Around): Promise<Ended> {
  const report = join(folder, `${nameOf(run)}.json`);
  await rm(report, { force: true });
  const started = Date.now();
  const { hangs = HANGS } = run;
  // not by mocha's --node-option, for which it starts a second process and hands no SIGTERM on to it
  const args = ["--import=tsx", join(PROJECT, "node_modules/mocha/bin/mocha.js"), "--no-config"];
  args.push("--require", "./test/harness/setup.ts", "--timeout", String(run.seconds * 1000));
  args.push("--reporter", "./sandbox/reporter.cjs", "--reporter-option", `output=${report}`);
  if (run.exit) args.push("--exit");
  if (grep !== undefined) args.push("--grep", grep);
  const output = place ? ({ file: logOf(run, folder) } as const) : "inherit";
  const ended = await execa(process.execPath, [...args, ...run.files], {
    cwd: PROJECT,
    stdin: "ignore",
    stdout: output,
    stderr: output,
    reject: false,
    buffer: false,
    cancelSignal: stop,
    ...(place ? { timeout: hangs * 1000, env: { TEST_PLACE: `${place.number}/${place.of}` } } : {}),
  });
  const seconds = Math.round((Date.now() - started) / 1000);
  const text = await readFile(report, "utf8").catch(() => undefined);
  const none = { passes: 0, failures: 0, pending: 0 };
  const found = text === undefined ? none : (JSON.parse(text) as { stats: Counts & { readonly end?: string } }).stats;
  const { passes, failures, pending } = found;
  const common = { title: titleOf(run), seconds, passes, pending };
  if ("end" in found && (!ended.failed || failures > 0)) return { ...common, failures };
  const broken = ended.timedOut
    ? `ended after ${hangs} s`
    : ended.isCanceled
      ? String(stop.reason)
      : `died (${ended.signal ?? `exit code ${ended.exitCode}`})`;
  return { ...common, failures: failures + 1, broken };
}

export const shortOf = (run: Run): string => basename(titleOf(run)).replace(".test.ts", "");
