// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { join, resolve } from "node:path";

/** The sandbox's own place in the project: ignored by git, gone after `down` but for the images. */
export const project = resolve(import.meta.dirname, "../..");
export const stateFolder = join(project, ".sandbox");

/** Sockets (their paths have to be short) and what the machine must know when a project's folder is gone. */
export const runFolder = "/run/ops-nats-sandbox";

export const bridge = { name: "opsnats0", address: "10.89.0.1", range: "10.89.0.0/24", prefix: 24 } as const;

/** More clusters than this no machine of today carries, and the address plan would have to change at 240. */
export const mostEdges = 50;

/** Where everything of one cluster is; it follows from the name alone, so that a dead run can be cleared. */
export interface ClusterLayout {
  readonly name: string;
  /** 1 is the primary, 2 the first edge. */
  readonly index: number;
  readonly address: string;
  readonly podRange: string;
  readonly serviceRange: string;
  /** The API server's address inside the cluster. */
  readonly serviceAddress: string;
  /** Network namespace, below /run/netns. */
  readonly namespace: string;
  /** The host's end of the cluster's only cable. */
  readonly link: string;
  /** Below each hierarchy's root. */
  readonly cgroup: string;
  readonly folder: string;
  readonly pki: string;
  readonly logs: string;
  readonly run: string;
  readonly socket: string;
  readonly kubeconfig: string;
}

export function clusterNames(edges: number): string[] {
  return ["primary", ...Array.from({ length: edges }, (_, i) => `edge-${i + 1}`)];
}

/** The reverse of {@link clusterNames}: 0 when the name is none of ours. */
export function clusterIndex(name: string): number {
  if (name === "primary") return 1;
  const number = Number(/^edge-([1-9][0-9]*)$/.exec(name)?.[1] ?? 0);
  return number > 0 && number <= mostEdges ? number + 1 : 0;
}

export function layoutOf(name: string, state: string = stateFolder): ClusterLayout {
  const index = clusterIndex(name);
  if (index === 0)
    throw new Error(`"${name}" is no cluster of the sandbox: expected primary or edge-1 to edge-${mostEdges}`);
  const folder = join(state, "clusters", name);
  const run = join(runFolder, name);
  return {
    name,
    index,
    address: `10.89.0.${10 + index}`,
    podRange: `10.89.${10 + index}.0/24`,
    serviceRange: `10.96.${10 + index}.0/24`,
    serviceAddress: `10.96.${10 + index}.1`,
    namespace: `opsnats-${name}`,
    link: `opsnats-${index}`,
    cgroup: `/opsnats/${name}`,
    folder,
    pki: join(folder, "pki"),
    logs: join(folder, "logs"),
    run,
    socket: join(run, "containerd.sock"),
    kubeconfig: join(state, "kubeconfig", `${name}.yaml`),
  };
}
