// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { execa } from "execa";
import type { Place, Report } from "./goBuild.ts";
import { IMAGE_PACKAGES, SYSTEM_COMMANDS, UNPACKED_PACKAGES } from "./pins.ts";
import { wayOut } from "./wayOut.ts";

async function has(command: string): Promise<boolean> {
  const { failed } = await execa("sh", ["-c", 'command -v "$1"', "sh", command], { reject: false });
  return !failed;
}

/**
 * Unpacks what containers and etcd need into the cache, without installing it.
 * @returns the folder of the packages' programs
 */
export const debianPrograms = (place: Place, report: Report): Promise<string> =>
  unpacked("debian", UNPACKED_PACKAGES, place, report, async (root, to) => {
    for (const folder of ["usr/bin", "usr/sbin", "bin", "sbin"]) await linkAll(join(root, folder), to);
    await mkdir(join(to, "cni"));
    await linkAll(join(root, "usr/lib/cni"), join(to, "cni"));
  });

/**
 * The same of what images are made of.
 * @returns a folder with programs in `bin`, and with `lib` and `lib64` as they are in an image
 */
export const imageFiles = (place: Place, report: Report): Promise<string> =>
  unpacked("image", IMAGE_PACKAGES, place, report, async (root, to) => {
    await mkdir(join(to, "bin"));
    for (const folder of ["usr/bin", "bin"]) await linkAll(join(root, folder), join(to, "bin"));
    for (const folder of ["usr/lib", "lib", "lib64"]) {
      const from = join(root, folder);
      const files = (await readdir(from, { recursive: true }).catch(() => [])).filter((file) =>
        /^([^/]+-linux-gnu\/)?[^/]+\.so(\.\d+)*$/.test(file),
      );
      for (const file of files) {
        const target = join(to, folder.replace(/^usr\//, ""), file);
        await mkdir(dirname(target), { recursive: true });
        await copyFile(join(from, file), target); // what a link leads to
      }
    }
  });

/** Packages' files in a folder of the cache, which is made once. */
async function unpacked(
  name: string,
  packages: readonly string[],
  { cache }: Place,
  report: Report,
  arrange: (root: string, to: string) => Promise<void>,
): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify(packages)).digest("hex").slice(0, 16);
  const done = join(cache, `${name}-${key}`);
  if (existsSync(done)) return done;
  if (!(await has("apt-get")))
    throw new Error(
      `the sandbox takes ${packages.join(", ")} from Debian or Ubuntu by apt-get, which is not here. ${wayOut}`,
    );
  const work = `${done}.${process.pid}`;
  await mkdir(join(work, "root"), { recursive: true });
  report(`unpacking Debian packages ${packages.join(", ")} into the cache (not installed)`);
  await aptGet(["download", ...packages], work);
  for (const file of (await readdir(work)).filter((f) => f.endsWith(".deb"))) {
    await execa("dpkg-deb", ["-x", join(work, file), join(work, "root")]);
    await rm(join(work, file));
  }
  await arrange(join(work, "root"), work);
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
