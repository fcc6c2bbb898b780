// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { link, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DROPPED } from "../../scenarios/ledger.ts";

/** A node keeps a container's log in `<namespace>_<pod>_<uid>/<container>/<times started>.log`. */
const POD = /^[^_]+_(nats-\d+)_([^_]+)$/;
const CONTAINER = "nats";
/** What a server says when it starts that has streams. */
const STORES = "Starting JetStream";
/** Milliseconds from one look at the folders to the next. */
const PAUSE = 200;

/**
 * What nats-servers in pods have said, all of it: the kubelet deletes the files of a pod with the pod, and those of a container
 * that was started anew. So each file gets a second name as soon as it is there, which stays.
 */
export class ServerLogs {
  readonly #folder: string;
  readonly #clusters: readonly (readonly [name: string, pods: string])[];
  /** File with a second name -> how much of it was read. */
  readonly #read = new Map<string, number>();
  readonly #storing = new Set<string>();
  #looking: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();
  #fault: Error | undefined;

  /**
   * @param folder where the second names go; it is emptied. It has to be on the same disk as the logs
   * @param clusters folder of pods' logs by the name of a cluster; one that is not there yet may come
   */
  constructor(folder: string, clusters: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#clusters = Object.entries(clusters);
  }

  async start(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    const again = async () => {
      this.#look = this.#linkNew().catch((error: Error) => {
        this.#fault ??= error;
      });
      await this.#look;
      if (this.#looking) this.#looking = setTimeout(again, PAUSE);
    };
    this.#looking = setTimeout(again, 0);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#looking);
    this.#looking = undefined;
    await this.#look;
  }

  /** Pods that were seen to run a server with streams, each as `primary nats-0 <uid>`. */
  get storing(): readonly string[] {
    return [...this.#storing];
  }

  /**
   * What servers with streams have said since the last time when they dropped what came too fast; empty where none did.
   * @throws Error when a file could not be kept
   */
  async drops(): Promise<string[]> {
    await this.#look;
    await this.#linkNew();
    if (this.#fault) throw this.#fault;
    const said: (readonly [pod: string, lines: readonly string[]])[] = [];
    for (const name of (await readdir(this.#folder)).sort()) {
      const text = (await readFile(join(this.#folder, name))).subarray(this.#read.get(name) ?? 0);
      const whole = text.subarray(0, text.lastIndexOf("\n") + 1); // the last line may be half there
      this.#read.set(name, (this.#read.get(name) ?? 0) + whole.length);
      const lines = whole.toString().split("\n");
      const pod = name.split(" ").slice(0, 3).join(" ");
      if (lines.some((line) => line.includes(STORES))) this.#storing.add(pod);
      said.push([pod, lines]);
    }
    // only now: files of one pod come in any order, and one of them says that it has streams
    const storing = said.filter(([pod]) => this.#storing.has(pod));
    return storing.flatMap(([pod, lines]) =>
      lines.filter((line) => DROPPED.test(line)).map((line) => `${pod}: ${line}`),
    );
  }

  async #linkNew(): Promise<void> {
    for (const [cluster, pods] of this.#clusters) {
      for (const entry of await files(pods)) {
        const [, pod, uid] = POD.exec(entry) ?? [];
        if (!pod) continue;
        const folder = join(pods, entry, CONTAINER);
        for (const file of await files(folder)) {
          // a log that has become long goes on under another name: it is the same file then
          const path = join(folder, file);
          const same = await stat(path).catch(gone);
          if (same && !file.endsWith(".gz")) {
            await link(path, join(this.#folder, `${cluster} ${pod} ${uid} ${same.ino}`)).catch(gone);
          }
        }
      }
    }
  }
}

/** What is gone between two looks, or has its second name already, is no fault. */
function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "EEXIST" && error.code !== "ENOTDIR") throw error;
}

const files = (folder: string): Promise<readonly string[]> => readdir(folder).catch((error) => gone(error) ?? []);
