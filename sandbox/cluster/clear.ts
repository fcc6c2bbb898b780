// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cgroupClusters, cgroupPids, removeCgroups } from "./cgroup.ts";
import { type ClusterLayout, clusterIndex, runFolder, stateFolder } from "./layout.ts";
import { removeMade, unmountBelow } from "./mounts.ts";
import { namespacePids, namespaces, removeBridge, removeNamespace } from "./network.ts";
import { killAll } from "./process.ts";

/** Removes all that is left of a cluster, whether it runs, was killed in part or never came up. */
export async function clearCluster(layout: ClusterLayout): Promise<void> {
  // Its first process is among them, and takes most of the others with it.
  await killAll(`${layout.name}'s processes`, async () => [
    ...new Set([...(await cgroupPids(layout)), ...(await namespacePids(layout))]),
  ]);
  await unmountBelow(layout.folder);
  await unmountBelow(layout.run);
  await Promise.all([
    removeNamespace(layout),
    removeCgroups(layout),
    rm(layout.folder, { recursive: true, force: true }),
    rm(layout.run, { recursive: true, force: true }),
    rm(layout.kubeconfig, { force: true }),
  ]);
}

/** The clusters of which anything is left: a folder, a namespace or a group of processes. */
export async function foundClusters(state: string = stateFolder): Promise<string[]> {
  const names = [
    ...(await readdir(runFolder).catch(() => [])),
    ...(await readdir(join(state, "clusters")).catch(() => [])),
    ...(await namespaces()).filter((name) => name.startsWith("opsnats-")).map((name) => name.slice("opsnats-".length)),
    ...(await cgroupClusters()),
  ];
  return [...new Set(names)].filter((name) => clusterIndex(name) > 0).sort((a, b) => clusterIndex(a) - clusterIndex(b));
}

/** What the clusters shared. */
export async function clearShared(state: string = stateFolder): Promise<void> {
  await removeBridge();
  await removeMade();
  await rm(join(state, "clusters"), { recursive: true, force: true });
  await rm(join(state, "kubeconfig"), { recursive: true, force: true });
  await rm(runFolder, { recursive: true, force: true });
}
