// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { BUILD_ENV, BUILD_FLAGS, type GoModule } from "./pins.ts";

export type Report = (text: string) => void;

/** Where modules are read and what is built lands. */
export interface Place {
  /** The project's `sandbox` folder. */
  readonly sources: string;
  readonly cache: string;
}

/** The key of a module: a hash over its sources, pins, flags and the Go version. */
export async function moduleKey(module: GoModule, { sources }: Place, goVersion: string): Promise<string> {
  const { programs, set } = module; // how long it takes does not make it another
  const folder = join(sources, module.folder);
  const files = (await readdir(folder, { recursive: true })).filter((f) => /\.go$|go\.(mod|sum)$/.test(f)).sort();
  const hash = createHash("sha256").update(JSON.stringify([programs, set, BUILD_FLAGS, BUILD_ENV, goVersion, files]));
  for (const file of files) hash.update(await readFile(join(folder, file)));
  return hash.digest("hex").slice(0, 16);
}

/** Where a module's programs are once they are built. */
export const builtFolder = async (name: string, module: GoModule, place: Place, goVersion: string): Promise<string> =>
  join(place.cache, `${name}-${await moduleKey(module, place, goVersion)}`);

/**
 * The version of the Go that is installed. An older one than a module asks for fetches that by itself where it can.
 * @throws Error when there is none
 */
export async function installedGo(): Promise<string> {
  const { stdout, failed } = await execa("go", ["env", "GOVERSION"], { reject: false, env: { GOTOOLCHAIN: "local" } });
  if (failed)
    throw new Error("Go was not found: install Go 1.26 or later (https://go.dev/dl/), then run the same command again");
  return stdout;
}

/** Builds a module's programs unless the cache has them. Returns their folder. */
export async function goBuild(
  name: string,
  module: GoModule,
  place: Place,
  goVersion: string,
  report: Report,
): Promise<string> {
  const done = await builtFolder(name, module, place, goVersion);
  if (existsSync(done)) return done;
  const last = await lastSeconds(place, name);
  const log = join(place.cache, "logs", `${name}.log`);
  await mkdir(join(place.cache, "logs"), { recursive: true });
  await removeBroken(place.cache);
  const work = `${done}.${process.pid}`;
  await mkdir(work, { recursive: true });
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const built = join(work, "go");
  await mkdir(built);
  const set = Object.entries(module.set).map(([variable, value]) => `-X ${variable}=${value}`);
  const flags = ["-v", ...BUILD_FLAGS, "-ldflags", ["-s -w", ...set].join(" "), "-o", `${built}/`];
  const build = execa("go", ["build", ...flags, ...Object.keys(module.programs)], {
    cwd: join(place.sources, module.folder),
    env: BUILD_ENV,
    stderr: ["pipe", { file: log }],
    stdout: "ignore",
    reject: false,
  });
  let packages = 0;
  build.stderr?.on("data", (chunk: Buffer) => (packages += chunk.toString().split("\n").length - 1));
  const estimate = last ?? { seconds: module.seconds, where: "when it was measured" };
  const tell = () =>
    report(
      `building ${name}: ${packages} packages, ${seconds()} s (${estimate.seconds} s ${estimate.where}); log ${log}`,
    );
  tell();
  const timer = setInterval(tell, 5000);
  const result = await build.finally(() => clearInterval(timer));
  if (result.failed) {
    await rm(work, { recursive: true });
    const tail = (await readFile(log, "utf8")).trim().split("\n").slice(-8).join("\n");
    throw new Error(
      `go build of ${name} failed after ${seconds()} s; its log is ${log} and ends:\n${tail || result.shortMessage}`,
    );
  }
  for (const [path, names] of Object.entries(module.programs)) await nameProgram(built, work, path, names);
  await rm(built, { recursive: true });
  await rename(work, done).catch(async () => rm(work, { recursive: true })); // another run was first
  await writeFile(join(place.cache, `${name}.seconds`), String(seconds()));
  report(`built ${name} in ${seconds()} s`);
  return done;
}

/** A killed run leaves its work folder, called after its process. */
async function removeBroken(cache: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    const pid = /\.(\d+)$/.exec(entry)?.[1];
    if (pid !== undefined && !alive(Number(pid))) await rm(join(cache, entry), { recursive: true, force: true });
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** go build calls a program by the last element of its path that is not a major version. */
async function nameProgram(from: string, to: string, path: string, names: readonly string[]): Promise<void> {
  const element = path
    .split("/")
    .filter((part) => !/^(v\d+|\.)$/.test(part))
    .at(-1);
  const only = (await readdir(from))[0];
  const program = path === "." ? only : element;
  if (program === undefined) throw new Error(`go build made no program of ${path}`);
  for (const name of names) await link(join(from, program), join(to, name));
}

async function lastSeconds({ cache }: Place, name: string) {
  const text = await readFile(join(cache, `${name}.seconds`), "utf8").catch(() => undefined);
  return text === undefined ? undefined : { seconds: Number(text), where: "last time" };
}
