// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY = "/dev/shm";
/** Bytes of memory that must be free for the files of a few installations. */
const SPARE = 4e9;
const PREFIX = "ops-nats-conformance-";

/**
 * Makes a folder for the files of an installation.
 * @param inMemory uses memory if enough is free: lone servers sync each event, and a process that is killed keeps what it wrote there
 */
export async function scratchFolder(inMemory: boolean): Promise<string> {
  const parent = inMemory && (await freeBytes(MEMORY)) > SPARE ? MEMORY : tmpdir();
  if (parent === MEMORY) await removeLeftovers(parent);
  return mkdtemp(join(parent, `${PREFIX}${process.pid}-`));
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize;
}

/** Removes what killed runs have left: it would occupy memory until the next boot. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}
