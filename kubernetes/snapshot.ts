// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type {
  CoreV1Event,
  V1ContainerStatus,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ReplicaSet,
  V1Service,
  V1StatefulSet,
} from "@kubernetes/client-node";

/** What Kubernetes says of one workload at one moment. */
export interface Snapshot {
  readonly namespace: string;
  readonly pods: readonly V1Pod[];
  readonly statefulSets: readonly V1StatefulSet[];
  readonly replicaSets: readonly V1ReplicaSet[];
  readonly claims: readonly V1PersistentVolumeClaim[];
  readonly services: readonly V1Service[];
  /** All events of the namespace. */
  readonly events: readonly CoreV1Event[];
  /** Last lines of the logs that {@link wantedLogs} asks for, by `<pod>/<container>`. */
  readonly logs: Readonly<Record<string, string>>;
  /** What could not be read and why, one line each. */
  readonly unread: readonly string[];
}

/** Seconds that a healthy pod may take for a step; what lasts longer is worth a line. */
export const GRACE = 30;

/** The containers of a pod as they run, those that only prepare it included. */
export const containersOf = ({ status }: V1Pod): readonly V1ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** How a container ended, where it ended badly and is not well again. */
export function crashOf({ state, lastState, ready }: V1ContainerStatus) {
  if (ready) return undefined;
  const ended = state?.terminated ?? lastState?.terminated;
  return ended && (ended.exitCode !== 0 || state?.waiting?.reason === "CrashLoopBackOff") ? ended : undefined;
}

/** Which logs tell why a pod is not ready: of a container that crashed its previous run, of one that runs this one. */
export function wantedLogs(
  pods: readonly V1Pod[],
): { readonly pod: string; readonly container: string; readonly previous: boolean }[] {
  return pods.flatMap((pod) =>
    containersOf(pod).flatMap((status) => {
      const [name, container] = [pod.metadata?.name ?? "", status.name];
      if (status.ready) return [];
      // one that has ended and was not started again yet is itself the run that crashed
      if (crashOf(status)) return [{ pod: name, container, previous: status.state?.terminated === undefined }];
      return status.state?.running && !pod.metadata?.deletionTimestamp
        ? [{ pod: name, container, previous: false }]
        : [];
    }),
  );
}

/** When an event was seen last, in milliseconds. */
export function eventTime({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: CoreV1Event): number {
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp;
  return time ? new Date(time).getTime() : 0;
}

/** The newest event of an object that is of interest. */
export function newestEvent(
  { events }: Snapshot,
  object: { readonly metadata?: { readonly uid?: string } | undefined },
  of: (event: CoreV1Event) => boolean,
): CoreV1Event | undefined {
  const uid = object.metadata?.uid;
  const own = events.filter((event) => uid !== undefined && event.involvedObject.uid === uid && of(event));
  return own.sort((a, b) => eventTime(b) - eventTime(a))[0];
}
