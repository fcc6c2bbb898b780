// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Values } from "../../../nats/chartValues.ts";
import { stepsTo } from "../../../nats/steps.ts";
import type { Login } from "../../../nats/users.ts";
import { DROPPED } from "../../scenarios/ledger.ts";
import { ControllerProcess } from "./controllerProcess.ts";
import { type Deployed, type DeployedPrimary, deployEdge, deployPrimary } from "./deployed.ts";
import type { NatsServer } from "./natsServer.ts";
import { NodePort } from "./nodePort.ts";
import { scratchFolder } from "./scratch.ts";
import { type DiskSize, podPorts, StatefulSet } from "./statefulSet.ts";
import { until } from "./until.ts";
import { interpreter, serverProgram } from "./versions.ts";

export interface Plan {
  /** `edges` in the primary's configuration. */
  readonly listed: readonly unknown[];
  /** More of the primary's configuration. */
  readonly primary?: Values;
  /** Edges that are up at the start; the others wait for `addEdge`. */
  readonly edges: readonly string[];
  readonly edgeReplicas?: number;
  /** More of every edge's configuration. */
  readonly edge?: Values;
  /** Changes the nats.conf of the primary's servers: only to show what happens without a setting of ours. */
  readonly edit?: (conf: string) => string;
  /** Each server has a disk of its own of so many bytes, by those of its claim. */
  readonly disk?: DiskSize;
  /** Files are in memory if enough is free. */
  readonly inMemory?: boolean;
}

/** A primary behind its NodePort and edges, as processes on this machine. */
export class Installation {
  readonly version: string;
  readonly #plan: Plan;
  readonly #connections: NatsConnection[] = [];
  readonly #sets = new Map<string, StatefulSet>();
  readonly #controllers = new Map<string, ControllerProcess>();
  readonly #edges = new Map<string, Deployed>();
  #folder = "";
  #program = "";
  #nodePort: NodePort | undefined;
  #deployed: DeployedPrimary | undefined;

  constructor(version: string, plan: Plan) {
    this.version = version;
    this.#plan = plan;
  }

  async start(): Promise<void> {
    this.#program = await serverProgram(this.version);
    this.#folder = await scratchFolder(this.#plan.inMemory ?? false);
    const { listed, edges, primary, edit } = this.#plan;
    const ports = await podPorts((primary?.replicas as number | undefined) ?? 3);
    this.#nodePort = await NodePort.listen(ports.map((pod) => pod.leaf));
    const set = this.#add("primary", ports);
    const primaryFiles = await this.#deployPrimary(listed);
    await set.write(primaryFiles, edit);
    await set.start();
    await set.healthy();
    await this.#keep("primary", primaryFiles);
    for (const name of edges) await this.addEdge(name);
    await Promise.all(edges.map((name) => this.linked(name)));
    await Promise.all([...this.#controllers.values()].map((controller) => controller.planned()));
  }

  /** Starts an edge, with the leaf link that the primary offers now; it may not be up yet. */
  async addEdge(name: string): Promise<Deployed> {
    const edge = await this.#deployEdge(name);
    const set = this.#add(name, await podPorts(this.#plan.edgeReplicas ?? 1));
    await set.write(edge);
    await set.start();
    await set.healthy();
    await this.#keep(name, edge);
    return edge;
  }

  /** Deploys an edge again, as the primary has it now: another include file, another plan. */
  async redeploy(name: string): Promise<void> {
    const edge = await this.#deployEdge(name);
    await this.cluster(name).mount(edge.include, edge.files);
    await this.cluster(name).reload();
    await this.#keep(name, edge);
    await this.#controllers.get(name)?.planned();
  }

  /**
   * Changes `edges` at the primary, which writes the include file anew; the servers reload, the controller gets its plan.
   * @param apart milliseconds from one server to the next; all at a time without it
   * @param more other keys of the primary that change with it
   */
  async list(entries: readonly unknown[], apart?: number, more: Values = {}): Promise<void> {
    const set = this.cluster("primary");
    const { include: now } = this.deployed;
    const primary = await this.#deployPrimary(entries, more);
    // what they have already is no change of a file, and so no reload
    const steps = stepsTo(now, primary.include).map(({ include }) => include);
    for (const include of [...steps.filter((step) => step !== now), primary.include]) {
      await set.mount(include, primary.files);
      if (apart === undefined) await set.reload();
      else {
        for (const server of set.servers) {
          await server.reload();
          await pause(apart);
        }
      }
    }
    await this.#keep("primary", primary);
  }

  controller(name: string): ControllerProcess {
    const controller = this.#controllers.get(name);
    if (!controller) throw new Error(`${name} has no controller; these have one: ${[...this.#controllers.keys()]}`);
    return controller;
  }

  /** Waits until every server of an edge has its leaf link. */
  async linked(name: string): Promise<void> {
    const { servers } = this.cluster(name);
    const links = () => Promise.all(servers.map(async (server) => (await server.leafs()).length));
    await until(
      `the leaf links of ${name}`,
      async () => (await links()).every((n) => n === 1),
      async () => servers.map((server) => server.log.slice(-500)).join("\n"),
    );
  }

  cluster(name: string): StatefulSet {
    const set = this.#sets.get(name);
    if (!set) throw new Error(`${name} is not up; up are ${[...this.#sets.keys()]}`);
    return set;
  }

  server(name: string, ordinal = 0): NatsServer {
    const server = this.cluster(name).servers[ordinal];
    if (!server) throw new Error(`${name} has no server ${ordinal}`);
    return server;
  }

  get nodePort(): NodePort {
    if (!this.#nodePort) throw new Error("not started");
    return this.#nodePort;
  }

  get deployed(): DeployedPrimary {
    if (!this.#deployed) throw new Error("not started");
    return this.#deployed;
  }

  /** What a cluster was given. */
  deployedOf(name: string): Deployed {
    const found = name === "primary" ? this.#deployed : this.#edges.get(name);
    if (!found) throw new Error(`${name} was given nothing; up are ${[...this.#sets.keys()]}`);
    return found;
  }

  /** The login of app at a cluster. */
  login(cluster: string): Login {
    const { app } = cluster === "primary" ? this.deployed.logins : (this.#edges.get(cluster) ?? this.deployed).logins;
    return app;
  }

  /** A client of one server, logged in as app. */
  client(server: NatsServer): Promise<NatsConnection> {
    return this.connect(server, this.deployed.logins.app);
  }

  /** A client of one server; without a login when it is undefined. */
  async connect(server: NatsServer, login: Login | undefined): Promise<NatsConnection> {
    const credentials = login ? { user: login.user, pass: login.password } : {};
    const servers = `127.0.0.1:${server.ports.client}`;
    const connection = await connect({ servers, ...credentials, reconnect: false, timeout: 5000 });
    this.#connections.push(connection);
    return connection;
  }

  /** What servers said when they dropped what came too fast for a stream or a client; empty where none did. */
  drops(): string[] {
    const servers = [...this.#sets.values()].flatMap((set) => set.servers);
    const lines = servers.flatMap(({ name, log }) => log.split("\n").map((line) => `${name}: ${line}`));
    return lines.filter((line) => DROPPED.test(line));
  }

  logs(): string {
    const servers = [...this.#sets.values()].flatMap((set) => set.servers);
    const controllers = [...this.#controllers].map(([name, { log }]) => ({ name: `controller of ${name}`, log }));
    const parts = [...servers, ...controllers];
    return parts.map(({ name, log }) => `--- ${name}\n${log.split("\n").slice(-40).join("\n")}`).join("\n");
  }

  async stop(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
    await Promise.all([...this.#controllers.values()].map((controller) => controller.stop()));
    await Promise.all([...this.#sets.values()].map((set) => set.remove()));
    await this.#nodePort?.close();
    if (this.#folder !== "") await rm(this.#folder, { recursive: true, force: true });
  }

  #add(name: string, ports: Awaited<ReturnType<typeof podPorts>>): StatefulSet {
    const set = new StatefulSet(this.#program, name, join(this.#folder, name), ports, this.#plan.disk);
    this.#sets.set(name, set);
    return set;
  }

  async #keep(name: string, { controller }: Deployed): Promise<void> {
    const node = await interpreter();
    const folder = join(this.#folder, `${name}-controller`);
    const one = this.#controllers.get(name) ?? new ControllerProcess(folder, node, this.cluster(name).servers);
    this.#controllers.set(name, one);
    await one.start(controller);
  }

  async #deployPrimary(edges: readonly unknown[], more: Values = {}): Promise<DeployedPrimary> {
    const keys = {
      hosts: ["127.0.0.1"],
      leafPort: this.nodePort.port,
      clientPort: 0,
      edges,
      ...this.#images,
    };
    this.#deployed = await deployPrimary({ ...keys, ...this.#plan.primary, ...more }, this.#deployed?.include);
    return this.#deployed;
  }

  async #deployEdge(name: string): Promise<Deployed> {
    const replicas = this.#plan.edgeReplicas ?? 1;
    const keys = { ...this.#images, replicas, ...this.#plan.edge };
    const edge = await deployEdge(name, this.deployed.link(name), keys);
    this.#edges.set(name, edge);
    return edge;
  }

  get #images(): Values {
    return { images: { nats: { tag: `${this.version}-alpine` } } };
  }
}
