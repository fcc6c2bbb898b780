// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { statfs } from "node:fs/promises";
import { promisify } from "node:util";

const root = process.getuid?.() === 0;

/**
 * A disk of its own, in memory, in the place of a folder. Only programs that are started on it see it; it outlives them, and goes with
 * the process that holds it, which ends when ours does, however that ends: nothing has to be taken away after it.
 */
export class Disk {
  readonly #holder: ChildProcess;
  readonly #folder: string;

  private constructor(holder: ChildProcess, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  /**
   * @param size in bytes
   * @throws Error where neither root nor user namespaces may mount
   */
  static async make(folder: string, size: number): Promise<Disk> {
    const mount = 'mkdir -p "$1" && mount -t tmpfs -o "size=$2" tmpfs "$1" && echo mounted && exec cat >/dev/null';
    const args = [...(root ? [] : ["--map-root-user"]), "--mount", "sh", "-c", mount, "sh", folder, String(size)];
    const holder = spawn("unshare", args, { stdio: ["pipe", "pipe", "pipe"] });
    let said = "";
    holder.stderr.on("data", (text) => {
      said += text;
    });
    const [first] = await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
    if (String(first) !== "mounted\n") throw new Error(`no disk of ${size} bytes at ${folder}: ${said || first}`);
    return new Disk(holder, folder);
  }

  /** What a program is started by so that it sees the disk; the process that is started becomes the program. */
  get before(): readonly string[] {
    const users = root ? [] : ["--user", "--preserve-credentials"];
    return ["nsenter", "--target", String(this.#holder.pid), ...users, "--mount", "--"];
  }

  /** What of it is in use, 0 to 1. */
  async used(): Promise<number> {
    const { blocks, bfree } = await statfs(`/proc/${this.#holder.pid}/root${this.#folder}`);
    return 1 - bfree / blocks;
  }

  /** Takes all that is on it away, as if it were new. */
  async empty(): Promise<void> {
    const [program = "", ...args] = [...this.before, "find", this.#folder, "-mindepth", "1", "-delete"];
    await promisify(execFile)(program, args);
  }

  async remove(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const exit = once(this.#holder, "exit");
    this.#holder.stdin?.end();
    await exit;
  }
}
