// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import type { Disk } from "./disk.ts";
import type { PodPorts } from "./podConf.ts";
import { until } from "./until.ts";

/** A leaf link as one end of it reports it; `ip` and `port` are the other end's and change with every connection. */
export interface LeafInfo {
  readonly name: string;
  readonly account: string;
  readonly ip: string;
  readonly port: number;
  readonly subscriptions_list?: readonly string[];
}

const ended = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

const running = new Set<ChildProcess>();

/** Hooks have ended them all, unless the tests themselves broke off. */
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A nats-server process on one configuration file. */
export class NatsServer {
  readonly name: string;
  readonly ports: PodPorts;
  /** All that it has logged, over restarts too. */
  log = "";
  readonly #program: string;
  readonly #conf: string;
  #env: Readonly<Record<string, string>> = {};
  #disk: Disk | undefined;
  #process: ChildProcess | undefined;
  /** The process that has said that all is well with it. */
  #well: ChildProcess | undefined;

  constructor(program: string, name: string, conf: string, ports: PodPorts) {
    this.name = name;
    this.ports = ports;
    this.#program = program;
    this.#conf = conf;
  }

  /** The environment of its container; it is given at the next start. */
  environment(env: Readonly<Record<string, string>>): void {
    this.#env = env;
  }

  /** A disk of its own, from its next start on. */
  mount(disk: Disk): void {
    this.#disk = disk;
  }

  /** What nats-server says of its configuration as the pod has it, without starting; undefined when it has nothing to say. */
  async complaint(): Promise<string | undefined> {
    try {
      await promisify(execFile)(this.#program, ["-t", "-c", this.#conf], { env: { ...process.env, ...this.#env } });
      return undefined;
    } catch (error) {
      return String((error as { stderr?: string }).stderr ?? error);
    }
  }

  async start(): Promise<void> {
    const from = this.log.length;
    const [program = "", ...args] = [...(this.#disk?.before ?? []), this.#program, "-c", this.#conf];
    const child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...this.#env },
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      this.log += text;
    });
    this.#process = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    const [ready, fatal] = [/Server is ready/, /\[FTL\]|nats-server: /];
    await until(
      `${this.name} to be ready`,
      () => {
        if (fatal.test(this.log.slice(from)) || child.exitCode !== null) return "failed";
        return ready.test(this.log.slice(from)) && "ready";
      },
      () => this.log.slice(from),
      240, // after a kill -9 it reads all that it has stored: with gigabytes of it that was seen to take more than 10 s
    ).then((state) => {
      if (state === "failed") throw new Error(`${this.name} does not start:\n${this.log.slice(from)}`);
    });
  }

  /** Ends the process at once, as a node that fails does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || ended(child)) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  /** Has it leave in peace, as a pod does that ends: it is told so first, and ends when its clients have gone elsewhere. */
  async retire(): Promise<void> {
    const child = this.#process;
    if (!child || ended(child)) return;
    const from = this.log.length;
    child.kill("SIGUSR2");
    await until(
      `${this.name} to end in peace`,
      () => ended(child),
      () => this.log.slice(from),
      60,
    );
  }

  /** The process id of what runs; undefined when nothing does. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Reads the configuration again, and waits until that is done. */
  async reload(): Promise<void> {
    const from = this.log.length;
    this.#process?.kill("SIGHUP");
    const since = () => this.log.slice(from);
    await until(`${this.name} to reload`, () => /Reloaded server configuration|Failed to reload/.test(since()), since);
    if (since().includes("Failed to reload")) throw new Error(`${this.name} refuses a reload:\n${since()}`);
  }

  /** A page of its monitoring, as text. */
  async page(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports.monitor}/${path}`)).text();
  }

  async leafs(): Promise<readonly LeafInfo[]> {
    const response = await fetch(`http://127.0.0.1:${this.ports.monitor}/leafz?subs=1`);
    const { leafs } = (await response.json()) as { leafs?: LeafInfo[] | null };
    return leafs ?? [];
  }

  /**
   * Whether its cluster's Service leads clients to it: it runs, and its pod's startup probe has found that all is well with it.
   * (After a container has died, Kubernetes leads clients to the next one for about a second, until it has noticed: here none.)
   */
  async serves(): Promise<boolean> {
    const child = this.#process;
    if (!child || ended(child)) return false;
    if (this.#well !== child && (await this.#health().catch(() => undefined))?.ok) this.#well = child;
    return this.#well === child;
  }

  /** What it says of itself, also while it does not answer others. */
  async #health(): Promise<{ readonly ok: boolean; readonly text: string }> {
    const page = await fetch(`http://127.0.0.1:${this.ports.monitor}/healthz`, { signal: AbortSignal.timeout(2000) });
    return { ok: page.ok, text: await page.text() };
  }

  /** Waits until it says that all is well with it, as the pod's startup probe does. */
  async healthy(): Promise<void> {
    await until(
      `${this.name} to be well`,
      async () => (await this.#health()).ok,
      async () => (await this.#health()).text,
      240,
    );
    this.#well = this.#process;
  }

  /** Routes to other servers of its cluster: to how many of them. */
  async peers(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.ports.monitor}/routez`);
    const { routes } = (await response.json()) as { routes?: { remote_id: string }[] | null };
    return new Set((routes ?? []).map((route) => route.remote_id)).size;
  }
}
