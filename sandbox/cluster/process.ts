// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFile, writeFile } from "node:fs/promises";
import { until } from "./wait.ts";

/** A process id alone is given out again sooner or later; with the boot and the time of its start it is one process. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since the boot that is named after them. */
  readonly startTime: string;
}

const boot = readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
  (text) => text.trim(),
  () => "",
);

export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is the program's name in brackets and may hold anything; the third is the state.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields?.[19];
  if (ticks === undefined || fields?.[0] === "Z" || fields?.[0] === "X") return undefined;
  return { pid, startTime: `${ticks}@${await boot}` };
}

export async function isAlive(process: ProcessIdentity | undefined): Promise<boolean> {
  return process !== undefined && (await identify(process.pid))?.startTime === process.startTime;
}

export async function writePidFile(path: string, process: ProcessIdentity): Promise<void> {
  await writeFile(path, `${process.pid} ${process.startTime}\n`);
}

/** The process that a pid file names, if it still runs. */
export async function readPidFile(path: string): Promise<ProcessIdentity | undefined> {
  const [pid, startTime] = (await readFile(path, "utf8").catch(() => "")).trim().split(" ");
  if (!Number(pid) || startTime === undefined) return undefined;
  const identity = { pid: Number(pid), startTime };
  return (await isAlive(identity)) ? identity : undefined;
}

/** Ends the processes that `list` names and those they start meanwhile, and waits until there is none. */
export async function killAll(what: string, list: () => Promise<readonly number[]>): Promise<void> {
  await until(`the end of ${what}`, async () => {
    const pids = await list();
    if (pids.length === 0) return true;
    for (const pid of pids) kill(pid);
    throw new Error(`still running: ${pids.join(" ")}`);
  });
}

export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Proportional set size in bytes: memory that processes share is counted once in all. */
export async function proportionalMemory(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
      return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
