// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import type { Toolchain } from "../toolchain/toolchain.ts";
import { run } from "./command.ts";
import { type ImageRecipe, recipes } from "./recipes.ts";
import { type TarEntry, tar } from "./tar.ts";

export { pauseImage } from "./recipes.ts";

/** What a cluster needs of the toolchain. */
export type ClusterPrograms = Pick<Toolchain, "bin" | "cni" | "image" | "program">;

/** One archive with all images of the sandbox, as `ctr images import` takes it. */
export interface Images {
  /** Changes when a program in it or its recipe does. */
  readonly key: string;
  readonly archive: string;
  readonly names: readonly string[];
}

const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

/** Finds the archive in `folder`, or makes it there and removes older ones. */
export async function ensureImages(toolchain: ClusterPrograms, folder: string): Promise<Images> {
  const key = await keyOf(toolchain);
  const archive = join(folder, `images-${key}.tar`);
  if (!existsSync(archive)) await writeArchive(toolchain, archive);
  return { key, archive, names: recipes.map(({ name }) => name) };
}

/** Programs are told apart by where they really are, size and time: reading them takes longer than all the rest. */
async function keyOf(toolchain: ClusterPrograms): Promise<string> {
  const programs = ["busybox", ...recipes.flatMap(({ programs }) => Object.values(programs))];
  const seen = await Promise.all(
    programs.map(async (program) => {
      const path = await realpath(toolchain.program(program));
      const { size, mtimeMs } = await stat(path);
      return [program, path, size, mtimeMs];
    }),
  );
  return sha256(JSON.stringify([seen, toolchain.image, recipes])).slice(0, 16);
}

async function writeArchive(toolchain: ClusterPrograms, archive: string): Promise<void> {
  const base = await baseLayer(toolchain);
  const entries = new Map<string, TarEntry>();
  const manifest = [];
  for (const recipe of recipes) {
    const own = await ownLayer(toolchain, recipe);
    const layers = own === undefined ? [base] : [base, own];
    const config = Buffer.from(
      JSON.stringify({
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        os: "linux",
        config: recipe.config,
        rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
      }),
    );
    const add = (name: string, content: Buffer) => entries.set(name, { name, content }) && name;
    manifest.push({
      Config: add(`${sha256(config)}.json`, config),
      RepoTags: [recipe.name],
      Layers: layers.map((layer) => add(`${sha256(layer)}.tar`, layer)),
    });
  }
  const content = Buffer.from(JSON.stringify(manifest));
  await mkdir(dirname(archive), { recursive: true });
  const unfinished = `${archive}.${process.pid}`;
  await writeFile(unfinished, await tar([...entries.values(), { name: "manifest.json", content }])).catch(
    async (error) => {
      await rm(unfinished, { force: true });
      throw error;
    },
  );
  await rename(unfinished, archive);
  // Older ones, and what broken runs left.
  const others = (await readdir(dirname(archive))).filter(
    (name) => name.startsWith("images-") && name !== basename(archive),
  );
  await Promise.all(others.map((name) => rm(join(dirname(archive), name), { force: true })));
}

/** A small Linux: busybox under all its names. */
async function baseLayer(toolchain: ClusterPrograms): Promise<Buffer> {
  const busybox = toolchain.program("busybox");
  const applets = (await run(busybox, ["--list-full"]))
    .split("\n")
    .filter((path) => path && !path.endsWith("/busybox"));
  const folders = [
    "bin",
    "sbin",
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/local",
    "usr/local/bin",
    "etc",
    "root",
    "var",
    "var/run",
  ];
  const names = new Set(applets.map((path) => (path.includes("/") ? path : `bin/${path}`)));
  return tar([
    ...folders.map((name) => ({ name })),
    { name: "tmp", mode: 0o1777 },
    {
      name: "etc/passwd",
      content: Buffer.from("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    },
    { name: "etc/group", content: Buffer.from("root:x:0:\nnobody:x:65534:\n") },
    { name: "bin/busybox", mode: 0o755, content: await readFile(busybox) },
    ...[...names].map((name) => ({ name, target: "/bin/busybox" })),
  ]);
}

async function ownLayer(
  toolchain: ClusterPrograms,
  { folders, files, programs, debian }: ImageRecipe,
): Promise<Buffer | undefined> {
  const binaries = Object.entries(programs).map(async ([name, program]) => ({
    name,
    mode: 0o755,
    content: await readFile(toolchain.program(program)),
  }));
  const scripts = Object.entries(files).map(([name, text]) => ({ name, mode: 0o755, content: Buffer.from(text) }));
  const theirs = debian === undefined ? [] : await debianFiles(toolchain.image, debian);
  const entries = [...folders.map((name) => ({ name })), ...scripts, ...(await Promise.all(binaries)), ...theirs];
  return entries.length === 0 ? undefined : tar(entries);
}

/** Programs of Debian's packages, each with the name that it has in the image, and the libraries that all of them need. */
async function debianFiles(from: string, programs: Readonly<Record<string, string>>): Promise<readonly TarEntry[]> {
  const libraries = (await readdir(from, { recursive: true, withFileTypes: true }))
    .filter((file) => file.isFile())
    .map((file) => relative(from, join(file.parentPath, file.name)))
    .filter((file) => !file.startsWith("bin/"));
  const folders = [...new Set(libraries.flatMap((file) => parents(file)))];
  const named = [
    ...libraries.map((file) => [file, file]),
    ...Object.entries(programs).map(([name, program]) => [name, `bin/${program}`]),
  ];
  const files = named.map(async ([name = "", file = ""]) => {
    return { name, mode: 0o755, content: await readFile(join(from, file)) };
  });
  return [...folders.map((name) => ({ name })), ...(await Promise.all(files))];
}

/** The folders that a file is in, the outermost first. */
const parents = (file: string): readonly string[] =>
  file
    .split("/")
    .slice(0, -1)
    .map((_, i, all) => all.slice(0, i + 1).join("/"));
