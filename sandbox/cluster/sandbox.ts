// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { clearCluster, clearShared, foundClusters } from "./clear.ts";
import { isKept, upCluster } from "./cluster.ts";
import { type ClusterPrograms, ensureImages } from "./images.ts";
import { type ClusterLayout, clusterNames, layoutOf, mostEdges, stateFolder } from "./layout.ts";
import { ensureBridge } from "./network.ts";
import { claim, exclusively, owner, refuseForeign } from "./owner.ts";
import { checkBeforeBuild, factsOf, preflight } from "./preflight.ts";

export { type ClusterStatus, clusterStatus } from "./status.ts";

/** Fails where no sandbox can be; to be asked before its programs are built, which takes long. */
export const checkSandbox = (edges: number): Promise<void> => checkBeforeBuild(factsOf(1 + edges));

export interface UpOptions {
  /** How many clusters besides the primary. Those that are there already stay. */
  readonly edges: number;
  readonly toolchain: ClusterPrograms;
  /** Where the archive of images is kept between runs. @default `.sandbox/images` */
  readonly images?: string;
  readonly report?: (text: string) => void;
}

/** Brings up `primary` and `edge-1` to `edge-<edges>`, all at once, and gives where each is, the primary first. */
export async function upClusters(options: UpOptions): Promise<ClusterLayout[]> {
  const { edges, toolchain, report = () => {} } = options;
  if (!Number.isInteger(edges) || edges < 0 || edges > mostEdges) {
    throw new Error(`edges: expected a whole number from 0 to ${mostEdges}, got ${edges}`);
  }
  const layouts = clusterNames(edges).map((name) => layoutOf(name));
  await preflight(factsOf(layouts.length));
  return exclusively(report, async () => {
    await refuseForeign();
    await clearDead(report);
    await claim();
    const images = ensureImages(toolchain, options.images ?? join(stateFolder, "images"));
    // Where it is awaited its failure is told; until then it must not end the process.
    images.catch(() => {});
    await ensureBridge();
    const results = await Promise.allSettled(layouts.map((layout) => upCluster(layout, { toolchain, images, report })));
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
    if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join("\n"), { cause: failures[0] });
    return layouts;
  });
}

/** Removes what runs were killed over: mounts, namespaces and groups outlive processes. */
async function clearDead(report: (text: string) => void): Promise<void> {
  const state = await ownedState();
  const layouts = (await foundClusters(state)).map((name) => layoutOf(name, state));
  const kept = await Promise.all(layouts.map(isKept));
  const dead = layouts.filter((_, i) => !kept[i]);
  if (dead.length > 0) report(`clearing what a broken run left of ${dead.map(({ name }) => name).join(", ")}`);
  await Promise.all(dead.map(clearCluster));
}

/** The sandbox on this machine may be of a project that is gone; then its folder was given in /run. */
async function ownedState(): Promise<string> {
  const folder = await owner();
  return folder === undefined ? stateFolder : join(folder, ".sandbox");
}

/** Removes all clusters and what they shared, in whatever state they are. With nothing there it does nothing. */
export async function downClusters(report: (text: string) => void = () => {}): Promise<void> {
  if (process.platform !== "linux") return;
  if (process.getuid?.() !== 0)
    throw new Error("taking the sandbox down needs root, as bringing it up did: try again with sudo -E");
  await exclusively(report, async () => {
    await refuseForeign();
    for (const state of new Set([await ownedState(), stateFolder])) {
      const layouts = (await foundClusters(state)).map((name) => layoutOf(name, state));
      await Promise.all(
        layouts.map(async (layout) => {
          await clearCluster(layout);
          report(`${layout.name}: gone`);
        }),
      );
      await clearShared(state);
    }
  });
}
