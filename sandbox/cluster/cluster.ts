// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Api, connect } from "./api.ts";
import { bootstrap } from "./bootstrap.ts";
import { makeCgroups } from "./cgroup.ts";
import { containerdReady, importImages, startContainerd } from "./containerd.ts";
import { apiServerReady, startApiServer, startControllers, startEtcd } from "./controlPlane.ts";
import { daemons, findDaemon } from "./daemon.ts";
import type { ClusterPrograms, Images } from "./images.ts";
import { writeKubeconfigs } from "./kubeconfig.ts";
import type { ClusterLayout } from "./layout.ts";
import { findMachine, type Machine, startMachine } from "./machine.ts";
import { makeNamespace } from "./network.ts";
import { dnsReady, nodeReady, podsAllowed, startDns, startKubelet, startProxy } from "./node.ts";
import { makeCertificates } from "./pki.ts";

export interface ClusterParts {
  readonly toolchain: ClusterPrograms;
  /** Still being made, perhaps, while the control plane starts. */
  readonly images: Promise<Images>;
  readonly report: (text: string) => void;
}

/** There when the cluster was ready once, and nothing is being started. */
const completeFile = ({ run }: ClusterLayout): string => join(run, "complete");

/** A cluster is worth keeping when its machine runs and no start of it was broken off; single daemons can be replaced. */
export async function isKept(layout: ClusterLayout): Promise<boolean> {
  const files = [completeFile(layout), join(layout.pki, "ca.crt")];
  return files.every(existsSync) && (await findMachine(layout, "")) !== undefined;
}

async function isWhole(layout: ClusterLayout): Promise<boolean> {
  const found = await Promise.all(daemons.map((name) => findDaemon(layout, name)));
  return (await isKept(layout)) && found.every((process) => process !== undefined);
}

/** Brings up one cluster, or what is missing of it. Of a dead run nothing may be left (clear.ts). */
export async function upCluster(layout: ClusterLayout, parts: ClusterParts): Promise<void> {
  const started = Date.now();
  const report = (text: string) =>
    parts.report(`${layout.name}: ${text} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  const { bin } = parts.toolchain;
  const whole = await isWhole(layout);
  if (!whole) await rm(completeFile(layout), { force: true });

  const machine = (await findMachine(layout, bin)) ?? (await newMachine(layout, bin));
  if (!existsSync(layout.kubeconfig)) await writeKubeconfigs(layout);
  const api = await connect(layout);
  if (!whole) {
    await Promise.all([startEtcd(machine), startApiServer(machine), startContainerd(machine, parts.toolchain.cni)]);
  }
  await Promise.all([startNode(machine, api, report), loadImages(machine, parts.images, report)]);
  await writeFile(completeFile(layout), "");
  report(`ready at ${layout.address}`);
}

async function newMachine(layout: ClusterLayout, bin: string): Promise<Machine> {
  const folders = ["cni", "logs/pods", "volume-plugins", "opt"].map((name) => join(layout.folder, name));
  await Promise.all([layout.run, ...folders].map((folder) => mkdir(folder, { recursive: true })));
  await Promise.all([
    makeCertificates(layout).then(() => writeKubeconfigs(layout)),
    makeNamespace(layout),
    makeCgroups(layout),
  ]);
  return startMachine(layout, bin);
}

async function startNode(machine: Machine, api: Api, report: (text: string) => void): Promise<void> {
  await apiServerReady(machine, api);
  report("API server answers");
  await Promise.all([
    bootstrap(api),
    startControllers(machine),
    startProxy(machine),
    startDns(machine),
    containerdReady(machine).then(() => startKubelet(machine)),
  ]);
  await Promise.all([nodeReady(machine, api), podsAllowed(machine, api), dnsReady(machine)]);
  report("node ready");
}

async function loadImages(machine: Machine, making: Promise<Images>, report: (text: string) => void): Promise<void> {
  const images = await making;
  await containerdReady(machine);
  await importImages(machine, images);
  report(`${images.names.length} images there`);
}
