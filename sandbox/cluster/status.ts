// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect } from "./api.ts";
import { cgroupPids } from "./cgroup.ts";
import { foundClusters } from "./clear.ts";
import { daemons, findDaemon } from "./daemon.ts";
import { layoutOf } from "./layout.ts";
import { nodeCondition } from "./node.ts";
import { proportionalMemory } from "./process.ts";

export interface ClusterStatus {
  readonly name: string;
  /** "ready", or what is wrong. */
  readonly node: string;
  readonly address: string;
  readonly kubeconfig: string;
  /** Bytes: the proportional set sizes of all its processes, those in pods too. */
  readonly memory: number;
  readonly logs: string;
}

/** One entry for each cluster of which anything is there, the primary first. */
export async function clusterStatus(): Promise<ClusterStatus[]> {
  return Promise.all(
    (await foundClusters()).map(async (name) => {
      const layout = layoutOf(name);
      const { address, kubeconfig, logs } = layout;
      const [node, memory] = await Promise.all([nodeState(name), cgroupPids(layout).then(proportionalMemory)]);
      return { name, node, address, kubeconfig, memory, logs };
    }),
  );
}

async function nodeState(name: string): Promise<string> {
  const layout = layoutOf(name);
  const found = await Promise.all(daemons.map((daemon) => findDaemon(layout, daemon)));
  const dead = daemons.filter((_, i) => found[i] === undefined);
  if (dead.length === daemons.length) return "not running";
  if (dead.length > 0) return `without ${dead.join(", ")}`;
  try {
    const { status, message } = await nodeCondition(await connect(layout), name);
    return status === "True" ? "ready" : message;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
