// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFile } from "node:fs/promises";
import { Installation } from "../test/harness/processes/installation.ts";
import { DEFAULT_VERSION } from "../test/harness/processes/versions.ts";

/** What `/proc/<pid>/stat` has after the name of the program, which may have blanks in it: the first is the state (proc(5)). */
export async function statOf(pid: number | string | undefined): Promise<readonly string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** MiB of memory that a process has (VmRSS). */
export const memoryOf = async (pid: number | string | undefined): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

export const edgesCalled = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `edge-${i + 1}`);

/** A primary of three that stores in memory and lists these edges, none of which is there. */
export const primaryListing = (listed: readonly string[]): Installation =>
  new Installation(DEFAULT_VERSION, {
    ...{ listed, edges: [], inMemory: true },
    primary: { persistence: { enabled: true, size: "2Gi" } },
  });
