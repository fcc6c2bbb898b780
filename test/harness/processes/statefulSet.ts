// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RELEASE_NAME } from "../../../config/defaults.ts";
import { bytes } from "../../../config/units.ts";
import { certificates } from "../../../nats/certificates.ts";
import { serversIn, type Values } from "../../../nats/chartValues.ts";
import { type Files, INCLUDE, inPod, ROUTE_KEYS, routeFiles } from "../../../nats/files.ts";
import { LEAF_PORT_VARIABLE } from "../../../nats/natsConf.ts";
import type { Deployed } from "./deployed.ts";
import { Disk } from "./disk.ts";
import { NatsServer } from "./natsServer.ts";
import { type PodPorts, podConf } from "./podConf.ts";
import { freePort } from "./ports.ts";
import { until } from "./until.ts";

/** The bytes of a server's disk, by those of its claim. */
export type DiskSize = (claim: number) => number;

/** The servers of one cluster, and the files that Kubernetes would mount into their pods. */
export class StatefulSet {
  readonly servers: readonly NatsServer[];
  /** One for each server, where they have disks of their own. */
  readonly disks: Disk[] = [];
  readonly #folder: string;
  readonly #ports: readonly PodPorts[];
  readonly #diskSize: DiskSize | undefined;

  /**
   * @param folder where the files go: a nats.conf for every pod, the Secret beside them
   * @param disk the bytes of each server's disk, by those of its claim; the machine's own without it
   */
  constructor(program: string, name: string, folder: string, ports: readonly PodPorts[], disk?: DiskSize) {
    this.#folder = folder;
    this.#ports = ports;
    this.#diskSize = disk;
    this.servers = ports.map(
      (own, ordinal) => new NatsServer(program, `${name}.${RELEASE_NAME}-${ordinal}`, this.confFile(ordinal), own),
    );
  }

  confFile(ordinal: number): string {
    return join(this.#folder, `${RELEASE_NAME}-${ordinal}`, "nats.conf");
  }

  /** What a pod's claim is to it. */
  storeFolder(ordinal: number): string {
    return join(this.#folder, `store-${ordinal}`);
  }

  /** Writes all files; `edit` changes a nats.conf, for tests that show what would happen otherwise. */
  async write({ config, include, files, env }: Deployed, edit = (conf: string): string => conf): Promise<void> {
    await this.mount(include, files);
    for (const ordinal of this.#ports.keys()) {
      const own = podEnvironment(config, env, ordinal);
      if (LEAF_PORT_VARIABLE in own) own[LEAF_PORT_VARIABLE] = String(this.#ports[ordinal]?.leaf);
      const here = Object.entries(own).map(([name, text]) => [name, this.#here(text)]);
      this.servers[ordinal]?.environment(Object.fromEntries(here));
      await mkdir(join(this.#folder, `${RELEASE_NAME}-${ordinal}`), { recursive: true });
      const store = this.storeFolder(ordinal);
      const { claim } = serversIn({ config });
      if (this.#diskSize && claim) await this.#mount(ordinal, this.#diskSize(bytes(claim.size)));
      await writeFile(this.confFile(ordinal), edit(this.#here(podConf(config, this.#ports, ordinal, store))));
    }
  }

  /** Replaces the include file and what is named beside it, as the kubelet does when the Secret has changed. */
  async mount(include: string, files: Files = {}): Promise<void> {
    await mkdir(join(this.#folder, INCLUDE.folder), { recursive: true });
    const all = { ...files, ...(ROUTE_KEYS.some((key) => key in files) ? await routeFilesHere() : {}) };
    for (const [key, text] of Object.entries({ ...all, [INCLUDE.key]: this.#here(include) })) {
      await writeFile(join(this.#folder, INCLUDE.folder, key), text);
    }
  }

  /** Where there are no pods, their folders are ours; and where there is no DNS of a cluster, their addresses are ports. */
  #here(text: string): string {
    return text
      .replaceAll(inPod(""), `${join(this.#folder, INCLUDE.folder)}/`)
      .replaceAll(
        /nats-(\d+)\.nats-headless:6222/g,
        (_, pod: string) => `127.0.0.1:${this.#ports[Number(pod)]?.cluster}`,
      );
  }

  async #mount(ordinal: number, size: number): Promise<void> {
    if (this.disks[ordinal]) return;
    const disk = await Disk.make(this.storeFolder(ordinal), size);
    this.disks[ordinal] = disk;
    this.servers[ordinal]?.mount(disk);
  }

  async start(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.start()));
    const others = this.servers.length - 1;
    if (others === 0) return;
    await until(
      `${this.servers[0]?.name} and its peers to be one cluster`,
      async () => (await this.#peers()).every((peers) => peers === others),
      async () => `${await this.#peers()} routes`,
    );
  }

  /** Restarts server after server, the last one first, as Kubernetes does; each waits until the one before is well. */
  async restart(): Promise<void> {
    for (const server of [...this.servers].reverse()) {
      await server.retire();
      await server.start();
      await server.healthy();
    }
  }

  /** Waits until all is well with every server. */
  async healthy(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.healthy()));
  }

  /** Servers to which the cluster's Service leads clients. */
  async serving(): Promise<readonly NatsServer[]> {
    const serve = await Promise.all(this.servers.map((server) => server.serves()));
    return this.servers.filter((_, i) => serve[i]);
  }

  async reload(): Promise<void> {
    await Promise.all(this.servers.filter(({ pid }) => pid !== undefined).map((server) => server.reload()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
  }

  /** Takes a server's disk away under it, and starts it with an empty one. */
  async empty(ordinal: number): Promise<void> {
    await this.servers[ordinal]?.kill();
    const disk = this.disks[ordinal];
    await (disk ? disk.empty() : rm(this.storeFolder(ordinal), { recursive: true, force: true }));
    await this.servers[ordinal]?.start();
  }

  /** Ends all, and their disks with them. */
  async remove(): Promise<void> {
    await this.kill();
    await Promise.all(this.disks.map((disk) => disk.remove()));
  }

  #peers(): Promise<readonly number[]> {
    return Promise.all(this.servers.map((server) => server.peers()));
  }
}

/** What servers show to each other, by the addresses that they have here. */
export const routeFilesHere = async (): Promise<Files> =>
  routeFiles(await certificates("a root key of tests", "routes", ["127.0.0.1"]));

/** The environment that the chart gives to a pod's server: two names, and what `container.env` adds. */
export function podEnvironment(config: Values, env: Readonly<Record<string, string>>, ordinal: number) {
  const POD_NAME = `${RELEASE_NAME}-${ordinal}`;
  const SERVER_NAME = `${config.serverNamePrefix ?? ""}${POD_NAME}`;
  const added = Object.entries(env).map(([name, text]) => [
    name,
    text.replaceAll("$(POD_NAME)", POD_NAME).replaceAll("$(SERVER_NAME)", SERVER_NAME),
  ]);
  return { POD_NAME, SERVER_NAME, ...Object.fromEntries(added) } as Record<string, string>;
}

export async function podPorts(replicas: number): Promise<readonly PodPorts[]> {
  const pods: PodPorts[] = [];
  for (let i = 0; i < replicas; i++) {
    pods.push({
      client: await freePort(),
      leaf: await freePort(),
      cluster: await freePort(),
      monitor: await freePort(),
    });
  }
  return pods;
}
