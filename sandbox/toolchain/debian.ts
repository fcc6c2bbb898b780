// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import type { Place, Report } from "./goBuild.ts";
import { SYSTEM_COMMANDS, UNPACKED_PACKAGES } from "./pins.ts";
import { wayOut } from "./wayOut.ts";

async function has(command: string): Promise<boolean> {
  const { failed } = await execa("sh", ["-c", 'command -v "$1"', "sh", command], { reject: false });
  return !failed;
}

/**
 * Unpacks what containers and etcd need into the cache, without installing it.
 * @returns the folder of the packages' programs
 */
export async function debianPrograms({ cache }: Place, report: Report): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify(UNPACKED_PACKAGES)).digest("hex").slice(0, 16);
  const done = join(cache, `debian-${key}`);
  if (existsSync(done)) return done;
  if (!(await has("apt-get")))
    throw new Error(
      `the sandbox takes ${UNPACKED_PACKAGES.join(", ")} from Debian or Ubuntu by apt-get, which is not here. ${wayOut}`,
    );
  const work = `${done}.${process.pid}`;
  await mkdir(join(work, "root"), { recursive: true });
  report(`unpacking Debian packages ${UNPACKED_PACKAGES.join(", ")} into the cache (not installed)`);
  await aptGet(["download", ...UNPACKED_PACKAGES], work);
  for (const file of (await readdir(work)).filter((f) => f.endsWith(".deb"))) {
    await execa("dpkg-deb", ["-x", join(work, file), join(work, "root")]);
    await rm(join(work, file));
  }
  for (const folder of ["usr/bin", "usr/sbin", "bin", "sbin"]) await linkAll(join(work, "root", folder), work);
  await mkdir(join(work, "cni"));
  await linkAll(join(work, "root/usr/lib/cni"), join(work, "cni"));
  await rm(join(work, "root"), { recursive: true });
  await rename(work, done).catch(() => rm(work, { recursive: true }));
  return done;
}

/** Installs the packages of commands that are missing. */
export async function systemCommands(report: Report): Promise<void> {
  const missing = [];
  for (const [command, name] of Object.entries(SYSTEM_COMMANDS)) if (!(await has(command))) missing.push(name);
  const libraries = await execa("ldconfig", ["-p"], {
    reject: false,
    env: { PATH: `${process.env.PATH}:/sbin:/usr/sbin` },
  });
  if (!libraries.stdout.includes("libseccomp.so.2")) missing.push("libseccomp2");
  if (missing.length === 0) return;
  const names = [...new Set(missing)];
  if (!(await has("apt-get")))
    throw new Error(`the sandbox needs ${names.join(", ")}; apt-get is not here to install them. ${wayOut}`);
  report(`installing Debian packages: ${names.join(", ")}`);
  await aptGet(["install", "-y", "--no-install-recommends", ...names], "/");
}

/** Runs apt-get; lists that are missing or old are fetched once. */
async function aptGet(args: readonly string[], cwd: string): Promise<void> {
  const run = () =>
    execa("apt-get", args, { cwd, env: { DEBIAN_FRONTEND: "noninteractive" }, all: true, reject: false });
  let result = await run();
  if (result.failed) {
    await execa("apt-get", ["update"], { reject: false });
    result = await run();
  }
  if (result.failed)
    throw new Error(`apt-get ${args.join(" ")} failed:\n${result.all?.split("\n").slice(-6).join("\n")}\n${wayOut}`);
}

async function linkAll(from: string, to: string): Promise<void> {
  const files = await readdir(from, { withFileTypes: true }).catch(() => []);
  for (const file of files.filter((f) => f.isFile())) {
    const target = join(to, basename(file.name));
    if (existsSync(target)) continue;
    await link(join(from, file.name), target);
    await chmod(target, 0o755);
  }
}
