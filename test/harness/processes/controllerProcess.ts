// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DeployedController } from "./deployed.ts";
import type { NatsServer } from "./natsServer.ts";
import type { PodPorts } from "./podConf.ts";
import { freePort } from "./ports.ts";
import { until } from "./until.ts";

const running = new Set<ChildProcess>();

process.once("exit", () => {
  for (const child of running) killGroup(child);
});

/** Ends what is left of a controller, as a container's runtime does when its first process is gone. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // nothing was left
  }
}

export const monitorOf = ({ monitor }: PodPorts): string => `http://127.0.0.1:${monitor}`;

const isReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

/** Lines of JSON as a person reads them; others as they are. */
const plain = (text: string): string =>
  text.replace(/^\{.*\}$/gm, (line) => {
    const { time, message } = JSON.parse(line) as { time: string; message: string };
    return `${time} ${message}`;
  });

/** The controller of a cluster's streams: the very program and plan that a cluster is given, on the interpreter that it has there. */
export class ControllerProcess {
  /** All that it has said, over restarts too. */
  log = "";
  /** Where it looks at the servers, from its next start on, if not at their own ports. */
  monitors: readonly string[] | undefined;
  /** Where it reaches servers, from its next start on, if not at their own ports. */
  urls: readonly string[] | undefined;
  /** By how many milliseconds its clock is ahead, from its next start on, in a file that it is asked for again and again. */
  clock: string | undefined;
  readonly #folder: string;
  readonly #node: string;
  readonly #servers: readonly NatsServer[];
  #process: ChildProcess | undefined;
  #deployed: DeployedController | undefined;
  #port = 0;

  /**
   * @param folder where its files go
   * @param node the interpreter
   */
  constructor(folder: string, node: string, servers: readonly NatsServer[]) {
    this.#folder = folder;
    this.#node = node;
    this.#servers = servers;
  }

  /** Starts it, or starts it anew with another plan, as a Deployment does; `planned` tells when it is done. */
  async start(deployed: DeployedController): Promise<void> {
    await this.stop();
    this.#deployed = deployed;
    const { files, login, watch } = deployed;
    await mkdir(this.#folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.#folder, name), text);
    if (login) await writeFile(this.#passwordFile, login.password);
    if (watch) await this.watchPassword(watch.password);
    const monitors = this.monitors ?? this.#servers.map(({ ports }) => monitorOf(ports));
    const urls = this.urls ?? this.#servers.map(({ ports }) => `nats://127.0.0.1:${ports.client}`);
    this.#port = await freePort();
    const clock = this.clock === undefined ? [] : ["--require", this.clock];
    const child = spawn(this.#node, [...clock, join(this.#folder, "controller.cjs")], {
      detached: true, // a group of its own, as a container
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PORT: String(this.#port),
        PLAN: join(this.#folder, "plan.json"),
        NATS_URL: urls.join(","),
        ...(login ? { NATS_USER: login.user, NATS_PASSWORD_FILE: this.#passwordFile } : {}),
        ...(watch ? { WATCH_USER: watch.user, WATCH_PASSWORD_FILE: this.#watchFile, WATCH_SECONDS: "2" } : {}),
        MONITORS: monitors.map((url, i) => `nats-${i}=${url}`).join(" "),
      },
    });
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8").on("data", (text) => {
        this.log += plain(text);
      });
    }
    this.#process = child;
    running.add(child);
    child.once("exit", () => {
      running.delete(child);
      killGroup(child);
    });
  }

  /** Waits until all streams are as planned: what `pulumi up` waits for, up to 300 s. */
  async planned(): Promise<void> {
    const ready = () => isReady(this.#port);
    const done = async () => (await ready()) || (this.#process?.exitCode ?? undefined) !== undefined;
    await until("the streams to be as planned", done, () => this.log, 300);
    if (!(await ready())) throw new Error(`the controller ended:\n${this.log}`);
  }

  /** Its process, and the group of all that it starts. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("it does not run");
    return pid;
  }

  /** What one of its pages says. */
  async page(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#port}${path}`)).text();
  }

  /** Waits until it has said something, after so many characters of its log. */
  async says(text: string | RegExp, seconds: number, from = 0): Promise<void> {
    const said = () =>
      typeof text === "string" ? this.log.slice(from).includes(text) : text.test(this.log.slice(from));
    await until(`the controller to say ${text}`, said, () => this.log, seconds);
  }

  /** Ends at once, whatever it is at, and starts anew with what it had. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || !this.#deployed) throw new Error("it does not run");
    const gone = once(child, "close");
    killGroup(child);
    await gone;
    await this.start(this.#deployed);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "close");
    child.kill("SIGTERM");
    await gone;
  }

  /** Changes the file with the password of the user that counts strays, as a changed Secret does. */
  async watchPassword(password: string): Promise<void> {
    await writeFile(this.#watchFile, password);
  }

  get #watchFile(): string {
    return join(this.#folder, "watch-password");
  }

  get #passwordFile(): string {
    return join(this.#folder, "password");
  }
}
