// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import type { ClusterLayout } from "./layout.ts";
import { type Machine, startInside } from "./machine.ts";
import { type ProcessIdentity, readPidFile, writePidFile } from "./process.ts";

/** The programs that a cluster consists of, in the order of their start. */
export const daemons = [
  "etcd",
  "containerd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubelet",
  "kube-proxy",
  "coredns",
] as const;

export type DaemonName = (typeof daemons)[number];

export function daemonLog({ logs }: ClusterLayout, name: DaemonName): string {
  return join(logs, `${name}.log`);
}

export function findDaemon({ run }: ClusterLayout, name: DaemonName): Promise<ProcessIdentity | undefined> {
  return readPidFile(join(run, `${name}.pid`));
}

/** Starts a daemon unless it runs. */
export async function ensureDaemon(machine: Machine, name: DaemonName, args: readonly string[]): Promise<void> {
  const { layout, bin } = machine;
  if (await findDaemon(layout, name)) return;
  const process = await startInside(machine, [join(bin, name), ...args], daemonLog(layout, name));
  await writePidFile(join(layout.run, `${name}.pid`), process);
}

/** How to wait for a daemon: its log, and no longer than it lives. */
export function waitingFor(layout: ClusterLayout, name: DaemonName) {
  return {
    log: daemonLog(layout, name),
    failed: async () => ((await findDaemon(layout, name)) ? undefined : `${name} ended`),
  };
}
