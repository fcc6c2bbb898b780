// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { CoreV1Event, V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import type { Snapshot } from "../../kubernetes/snapshot.ts";

/** The moment at which a {@link Snapshot} of the tests is looked at. */
export const NOW = Date.parse("2026-01-01T12:00:00Z");
export const ago = (seconds: number): Date => new Date(NOW - seconds * 1000);

export const snapshot = (parts: Partial<Snapshot>): Snapshot => ({
  namespace: "ops-system",
  pods: [],
  statefulSets: [],
  replicaSets: [],
  claims: [],
  services: [],
  events: [],
  logs: {},
  unread: [],
  ...parts,
});

export const meta = (name: string, age = 120) => ({ name, uid: `uid-of-${name}`, creationTimestamp: ago(age) });

/** A container's status as the kubelet writes it; its image was never pulled unless told. */
export const container = (status: Partial<V1ContainerStatus>): V1ContainerStatus => ({
  name: "nats",
  image: "",
  imageID: "",
  ready: false,
  restartCount: 0,
  ...status,
});

/** nats-0 on a node, with containers in these states. */
export const pod = (statuses: readonly Partial<V1ContainerStatus>[], parts: V1Pod = {}): V1Pod => ({
  metadata: { ...meta("nats-0"), ...parts.metadata },
  spec: {
    nodeName: "node-1",
    containers: [
      { name: "nats", image: "nats:nope" },
      { name: "reloader", image: "natsio/nats-server-config-reloader:0.15.1" },
    ],
    volumes: [{ name: "nats-js", persistentVolumeClaim: { claimName: "nats-js-nats-0" } }],
    ...parts.spec,
  },
  status: {
    phase: "Pending",
    conditions: [{ type: "PodScheduled", status: "True" }],
    containerStatuses: statuses.map(container),
    ...parts.status,
  },
});

/** One that runs and is ready. */
export const well = (): V1Pod =>
  pod([{ ready: true, state: { running: { startedAt: ago(60) } } }], { status: { phase: "Running" } });

/** One that no node takes, in the scheduler's words. */
export const unscheduled = (message: string): V1Pod =>
  pod([], { status: { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }] } });

export function event(
  of: string,
  reason: string,
  message: string,
  parts: { readonly type?: string; readonly seconds?: number; readonly field?: string } = {},
): CoreV1Event {
  const { type = "Warning", seconds = 10, field } = parts;
  const involvedObject = { name: of, uid: `uid-of-${of}`, ...(field ? { fieldPath: field } : {}) };
  return { metadata: { name: `${of}.1` }, involvedObject, reason, message, type, lastTimestamp: ago(seconds) };
}
