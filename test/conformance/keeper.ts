// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "../../controller/bundle.ts";
import type { DeployedKeeper } from "./deployed.ts";
import type { NatsServer } from "./natsServer.ts";
import type { PodPorts } from "./podConf.ts";
import { freePort } from "./ports.ts";
import { until } from "./until.ts";

/** Whether the controller in TypeScript (controller/) is run in place of the scripts, which it is to replace. */
const IN_TYPESCRIPT = process.env.CONTROLLER === "1";

let bundled: string | undefined;
const running = new Set<ChildProcess>();

process.once("exit", () => {
  for (const child of running) killGroup(child);
});

/** Ends what is left of a keeper, as a container's runtime does when its first process is gone. */
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

/** The keeper of a cluster's streams: the very script and plan that the program deploys, as a process. */
export class Keeper {
  /** All that it has said, over restarts too. */
  log = "";
  /** Where it looks at the servers, from its next start on, if not at their own ports. */
  monitors: readonly string[] | undefined;
  /** A folder with programs that it takes before all others, from its next start on. */
  shims: string | undefined;
  readonly #folder: string;
  readonly #tools: string;
  readonly #servers: readonly NatsServer[];
  #process: ChildProcess | undefined;
  #deployed: DeployedKeeper | undefined;
  #port = 0;

  /**
   * @param folder where its files go
   * @param tools the folder of nats and jq
   */
  constructor(folder: string, tools: string, servers: readonly NatsServer[]) {
    this.#folder = folder;
    this.#tools = tools;
    this.#servers = servers;
  }

  /** Starts it, or starts it anew with another plan, as a Deployment does; `planned` tells when it is done. */
  async start(deployed: DeployedKeeper): Promise<void> {
    await this.stop();
    this.#deployed = deployed;
    const { files, login, watch } = deployed;
    await mkdir(this.#folder, { recursive: true });
    await rm(this.#ready, { force: true }); // a pod begins with an empty folder
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.#folder, name), text);
    if (watch) await this.watchPassword(watch.password);
    const monitors = this.monitors ?? this.#servers.map(({ ports }) => monitorOf(ports));
    const [program, file] = IN_TYPESCRIPT ? [process.execPath, "controller.cjs"] : ["sh", "keeper.sh"];
    if (IN_TYPESCRIPT) {
      bundled ??= bundle();
      await writeFile(join(this.#folder, file), bundled);
      this.#port = await freePort();
    }
    const child = spawn(program, [join(this.#folder, file)], {
      detached: true, // a group of its own, as a container
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PORT: String(this.#port),
        PATH: [...(this.shims === undefined ? [] : [this.shims]), this.#tools, process.env.PATH].join(":"),
        HOME: this.#folder,
        PLAN: join(this.#folder, "plan.json"),
        READY: this.#ready,
        NATS_URL: this.#servers.map(({ ports }) => `nats://127.0.0.1:${ports.client}`).join(","),
        NATS_USER: login.user,
        NATS_PASSWORD: login.password,
        ...(watch ? { WATCH_USER: watch.user, WATCH_PASSWORD_FILE: this.#watchFile, WATCH_SECONDS: "2" } : {}),
        MONITORS: monitors.map((url, i) => (IN_TYPESCRIPT ? `nats-${i}=${url}` : url)).join(" "),
      },
    });
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8").on("data", (text) => {
        this.log += IN_TYPESCRIPT ? plain(text) : text;
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
    const ready = () => (IN_TYPESCRIPT ? isReady(this.#port) : existsSync(this.#ready));
    const done = async () => (await ready()) || (this.#process?.exitCode ?? undefined) !== undefined;
    await until("the streams to be as planned", done, () => this.log, 300);
    if (!(await ready())) throw new Error(`the keeper ended:\n${this.log}`);
  }

  /** Waits until it has said something, after so many characters of its log. */
  async says(text: string | RegExp, seconds: number, from = 0): Promise<void> {
    const said = () =>
      typeof text === "string" ? this.log.slice(from).includes(text) : text.test(this.log.slice(from));
    await until(`the keeper to say ${text}`, said, () => this.log, seconds);
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

  get #ready(): string {
    return join(this.#folder, "ready");
  }
}
