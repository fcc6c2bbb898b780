// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { ReleasePlace } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";

/** Seconds that the pods of a former release may take to go (they drain for at most 60), and between two looks. */
const DRAIN = { seconds: 180, pause: 1 };

/**
 * Waits until the servers of a former release are gone. While one of their names is still taken, a new StatefulSet's
 * controller tries again after ever longer pauses, which soon are minutes (341 s for an `up` were seen).
 * @throws Error with one line where pods stay longer
 */
export async function formerServersGone(
  { cluster, namespace, release }: ReleasePlace,
  { seconds, pause } = DRAIN,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (let told = ""; ; ) {
    // a set that is there is taken up with its pods
    if ((await cluster.runningServers(namespace, release)) !== undefined) return;
    // pods that somebody has orphaned to make the set anew stay, and the new one takes them up
    const pods = (await cluster.serverPods(namespace, release)).filter(({ going }) => going);
    if (pods.length === 0) return;
    const names = pods.map(({ name }) => name).join(", ");
    if (Date.now() > end) {
      throw new Error(
        `pods in namespace ${namespace}: expected the servers of the former release to be gone within ${seconds} s; ` +
          `still there: ${names}; next: kubectl -n ${namespace} describe pod ${pods[0]?.name}, then ${commands(cluster).up}`,
      );
    }
    if (names !== told) await pulumi.log.info(`waiting for the servers of the former release to drain: ${names}`);
    told = names;
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}
