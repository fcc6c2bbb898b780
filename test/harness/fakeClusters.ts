// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster, ReleasePlace, ServerPod } from "../../kubernetes/port.ts";
import type { StackMark } from "../../nats/names.ts";

export const ID = "0123456789abcdef";

/** The mark of a stack. */
export const mark = (edge: string, id: string | undefined = ID): StackMark => ({
  id,
  stack: `organization/ops-nats/${edge}`,
  edge,
  release: "nats",
});

/** A cluster, each of whose answers is one function's. */
const answering = (answer: (what: keyof Cluster, ...about: unknown[]) => never | Promise<never>): Cluster => ({
  stack: "organization/ops-nats/edge-1",
  place: async () => "context edge-1, https://edge-1.example:6443",
  identity: (...about) => answer("identity", ...about),
  owner: (...about) => answer("owner", ...about),
  secret: (...about) => answer("secret", ...about),
  writeSecret: (...about) => answer("writeSecret", ...about),
  namespaces: (...about) => answer("namespaces", ...about),
  helmRecords: (...about) => answer("helmRecords", ...about),
  markFailed: (...about) => answer("markFailed", ...about),
  forget: (...about) => answer("forget", ...about),
  runningServers: (...about) => answer("runningServers", ...about),
  claims: (...about) => answer("claims", ...about),
  serverPods: (...about) => answer("serverPods", ...about),
  touchPods: (...about) => answer("touchPods", ...about),
  serverTags: (...about) => answer("serverTags", ...about),
  serverRoutes: (...about) => answer("serverRoutes", ...about),
  serverLog: (...about) => answer("serverLog", ...about),
  workload: (...about) => answer("workload", ...about),
  nodes: () => answer("nodes"),
});

/** The cluster of stack edge-1, which may be asked for nothing. */
export const untouched: Cluster = answering((what) => assert.fail(`${what} was not to be asked for`));

/** A cluster that has nothing of ours. */
export const emptyCluster: Cluster = {
  ...untouched,
  identity: async () => ({ uid: "uid-of-the-cluster", ca: "ca-of-the-cluster" }),
  owner: async () => undefined,
  secret: async () => undefined,
  namespaces: async () => [],
  helmRecords: async () => [],
  runningServers: async () => undefined,
  claims: async () => [],
  serverPods: async () => [],
  touchPods: async () => {},
  nodes: async () => [],
};

/** The same once it was deployed to: the set of servers is there, none of which has to be asked for anything. */
export const deployedCluster: Cluster = {
  ...emptyCluster,
  runningServers: async () => ({ replicas: 1, claim: undefined, image: undefined }),
};

/** Pods with servers: ready ones that stay. */
export const pods = (...names: string[]): ServerPod[] => names.map((name) => ({ name, running: true, going: false }));

/** Release nats in namespace events of a cluster. */
export const place = (cluster: Cluster, namespace = "events"): ReleasePlace => ({
  cluster,
  namespace,
  release: "nats",
});

/** A cluster that fails whatever it is asked for, and what it was asked for. */
export function unreachable(): { readonly far: Cluster; readonly asked: string[] } {
  const asked: string[] = [];
  const far = answering(async (what, ...about) => {
    asked.push([what, ...about].join(" "));
    throw new Error("connect ECONNREFUSED\nand more");
  });
  return { far, asked };
}

/** What is warned of while something is done. */
export async function warnings(act: () => Promise<unknown>): Promise<readonly string[]> {
  const warn = mock.method(pulumi.log, "warn", async () => {});
  try {
    await act();
  } finally {
    warn.mock.restore();
  }
  return warn.mock.calls.map(({ arguments: [text] }: { arguments: unknown[] }) => String(text));
}
