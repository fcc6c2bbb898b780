// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ClusterLayout } from "./layout.ts";
import { mountPoints } from "./mounts.ts";
import { until } from "./wait.ts";

/** The roots of the cgroup hierarchies that carry controllers, and of the one that tells whose a process is. */
export interface Hierarchies {
  readonly roots: readonly string[];
  readonly tracking: string;
  readonly version: 1 | 2;
}

export async function hierarchies(): Promise<Hierarchies> {
  const mounts = await mountPoints();
  const v1 = [...new Set(mounts.filter((mount) => mount.type === "cgroup").map((mount) => mount.path))];
  if (v1.length > 0) {
    return { roots: v1, tracking: v1.find((root) => root.endsWith("/pids")) ?? (v1[0] as string), version: 1 };
  }
  // Version 2 alone was never tried: the machine that this was written on has version 1.
  const v2 = mounts.find((mount) => mount.type === "cgroup2")?.path;
  if (v2 === undefined)
    throw new Error("no cgroup hierarchy is mounted (looked for cgroup and cgroup2 in /proc/self/mounts)");
  return { roots: [v2], tracking: v2, version: 2 };
}

/** Makes the cluster's group in every hierarchy: `kubelet` puts pods below it, the daemons live in its child `daemons`. */
export async function makeCgroups({ cgroup }: ClusterLayout): Promise<void> {
  const { roots, tracking, version } = await hierarchies();
  for (const root of roots) {
    const group = join(root, cgroup);
    await mkdir(group, { recursive: true });
    if (version === 2) await delegate(root, group);
    else if (root.split("/").at(-1)?.split(",").includes("cpuset")) await inheritCpuset(dirname(group), group);
  }
  await mkdir(join(tracking, cgroup, "daemons"), { recursive: true });
}

/** On version 2 a group has the controllers that its parent hands down. Untried. */
async function delegate(root: string, group: string): Promise<void> {
  const controllers = (await readFile(join(root, "cgroup.controllers"), "utf8")).trim().split(" ");
  for (const folder of [root, dirname(group), group]) {
    for (const controller of controllers) {
      await writeFile(join(folder, "cgroup.subtree_control"), `+${controller}`).catch(() => {});
    }
  }
}

/** A new cpuset of version 1 is empty, and no process can enter an empty one. */
async function inheritCpuset(...folders: string[]): Promise<void> {
  for (const folder of folders) {
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      await writeFile(join(folder, file), await readFile(join(folder, "..", file)));
    }
  }
}

/** The file that a process writes its id to, to become one of the cluster's. */
export async function daemonsFile({ cgroup }: ClusterLayout): Promise<string> {
  return join((await hierarchies()).tracking, cgroup, "daemons", "cgroup.procs");
}

/** All processes of the cluster, those in pods too. */
export async function cgroupPids({ cgroup }: ClusterLayout): Promise<number[]> {
  const { tracking } = await hierarchies();
  const groups = await subtree(join(tracking, cgroup));
  const lists = await Promise.all(groups.map((group) => readFile(join(group, "cgroup.procs"), "utf8").catch(() => "")));
  return lists.flatMap((text) => text.split("\n").filter(Boolean).map(Number));
}

/** Of a folder and those below it, the deepest first. */
async function subtree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => subtree(join(folder, entry.name)));
  return [...(await Promise.all(below)).flat(), folder];
}

/** Removes the cluster's groups, and the folder of all clusters' when it was the last. */
export async function removeCgroups({ cgroup }: ClusterLayout): Promise<void> {
  for (const root of (await hierarchies()).roots) {
    await until(`the removal of ${join(root, cgroup)}`, async () => {
      for (const group of await subtree(join(root, cgroup))) await rmdir(group);
      return true;
    });
    await rmdir(dirname(join(root, cgroup))).catch(() => {});
  }
}

/** The clusters that have a group left. */
export async function cgroupClusters(): Promise<string[]> {
  const lists = (await hierarchies()).roots.map((root) =>
    readdir(join(root, "opsnats"), { withFileTypes: true }).catch(() => []),
  );
  return (await Promise.all(lists))
    .flat()
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
