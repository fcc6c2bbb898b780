// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { AppsV1Api, CoreV1Api } from "@kubernetes/client-node";
import { type Snapshot, wantedLogs } from "./snapshot.ts";

/** Lines of a log that are read; the last that says something is told. */
const TAIL = 5;

/**
 * Reads all that tells why a workload is not ready, with the rights that there are.
 * @throws Error where not even pods may be read
 */
export async function readWorkload(
  core: Pick<
    CoreV1Api,
    | "listNamespacedPod"
    | "listNamespacedPersistentVolumeClaim"
    | "listNamespacedService"
    | "listNamespacedEvent"
    | "readNamespacedPodLog"
  >,
  apps: Pick<AppsV1Api, "listNamespacedStatefulSet" | "listNamespacedReplicaSet">,
  namespace: string,
  labelSelector: string,
): Promise<Snapshot> {
  const unread: string[] = [];
  const items = async <T>(what: string, list: Promise<{ items: T[] }>): Promise<T[]> => {
    try {
      return (await list).items;
    } catch (error) {
      unread.push(`${what} in ${namespace} cannot be read (${shortly(error as Error)})`);
      return [];
    }
  };
  const of = { namespace, labelSelector };
  const [pods, statefulSets, replicaSets, claims, services, events] = await Promise.all([
    core.listNamespacedPod(of).then(({ items }) => items),
    items("StatefulSets", apps.listNamespacedStatefulSet(of)),
    items("ReplicaSets", apps.listNamespacedReplicaSet(of)),
    items("claims", core.listNamespacedPersistentVolumeClaim(of)),
    items("Services", core.listNamespacedService(of)),
    items("events", core.listNamespacedEvent({ namespace })),
  ]);
  const logs = await Promise.all(
    wantedLogs(pods).map(async ({ pod, container, previous }) => {
      // a log may be gone, or forbidden; the rest is told without it
      const log = core.readNamespacedPodLog({ namespace, name: pod, container, previous, tailLines: TAIL });
      return [`${pod}/${container}`, await log.catch(() => "")] as const;
    }),
  );
  return {
    namespace,
    pods,
    statefulSets,
    replicaSets,
    claims,
    services,
    events,
    logs: Object.fromEntries(logs),
    unread,
  };
}

/** The client's errors have the whole answer in several lines. */
function shortly(error: Error & { code?: number | string }): string {
  return error.code === 403 ? "forbidden" : (error.message.split("\n")[0] ?? "");
}
