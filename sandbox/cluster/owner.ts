// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { foundClusters } from "./clear.ts";
import { isKept } from "./cluster.ts";
import { layoutOf, project, runFolder } from "./layout.ts";
import { identify, readPidFile, writePidFile } from "./process.ts";
import { until } from "./wait.ts";

const ownerFile = join(runFolder, "owner");
const lockFile = join(runFolder, "lock");

/** The folder of the project whose sandbox this machine has, if any. */
export async function owner(): Promise<string | undefined> {
  return readFile(ownerFile, "utf8").catch(() => undefined);
}

/** Fails when the machine's one sandbox is another project's and alive. */
export async function refuseForeign(): Promise<void> {
  const other = await owner();
  if (other === undefined || other === project || !existsSync(other)) return;
  const kept = await Promise.all((await foundClusters(join(other, ".sandbox"))).map((name) => isKept(layoutOf(name))));
  if (!kept.includes(true)) return;
  throw new Error(
    `the sandbox on this machine belongs to ${other}, and there can be only one; end it first: cd ${other} && npm run sandbox -- down`,
  );
}

export async function claim(): Promise<void> {
  await writeFile(ownerFile, project);
}

/** Runs `work` while no other `up` or `down` is at work; waits for one that is. */
export async function exclusively<T>(report: (text: string) => void, work: () => Promise<T>): Promise<T> {
  const self = await identify(process.pid);
  if (self === undefined) throw new Error("/proc is not there");
  await mkdir(runFolder, { recursive: true });
  const mine = `${lockFile}.${self.pid}`;
  await writePidFile(mine, self);
  let told = false;
  await until(
    "the sandbox's lock",
    async () => {
      const taken = await link(mine, lockFile).then(
        () => true,
        () => false,
      );
      if (taken) return true;
      const holder = await readPidFile(lockFile);
      if (holder === undefined) await rm(lockFile, { force: true });
      else if (!told) report(`waiting for another run (process ${holder.pid}) to end`);
      told = true;
      throw new Error(`held by process ${holder?.pid}`);
    },
    { timeout: 300 },
  ).finally(() => rm(mine, { force: true }));
  return work().finally(() => rm(lockFile, { force: true }));
}
