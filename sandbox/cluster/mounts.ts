// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { attempt, run } from "./command.ts";
import { runFolder } from "./layout.ts";

export interface Mount {
  readonly path: string;
  readonly type: string;
}

export async function mountPoints(): Promise<Mount[]> {
  const lines = (await readFile("/proc/self/mounts", "utf8")).trim().split("\n");
  return lines.map((line) => {
    const [, path = "", type = ""] = line.split(" ");
    return { path: path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))), type };
  });
}

export async function isMounted(path: string): Promise<boolean> {
  return (await mountPoints()).some((mount) => mount.path === path);
}

/** Whatever is still mounted at or below a folder. The clusters mount in a namespace of their own, so there should be nothing. */
export async function unmountBelow(folder: string): Promise<void> {
  const found = (await mountPoints()).filter(({ path }) => path === folder || path.startsWith(`${folder}/`));
  for (const { path } of found.reverse()) await attempt("umount", ["--lazy", path]);
}

/** Each thing that the sandbox makes outside of its own folders has a file here, so that the last `down` takes it back. */
const madeFolder = join(runFolder, "made");

async function note(kind: "folder" | "mount", path: string): Promise<void> {
  await mkdir(madeFolder, { recursive: true });
  await writeFile(join(madeFolder, `${kind} ${encodeURIComponent(path)}`), "");
}

/** A folder to mount over, with those above it. */
export async function ensureFolder(path: string): Promise<void> {
  if (path === "/") return;
  await ensureFolder(dirname(path));
  if (existsSync(path)) return;
  await note("folder", path);
  await mkdir(path, { recursive: true });
}

/** What `ip netns add` would do by itself, but so that it is known who did. */
export async function ensureNamespaceFolder(): Promise<void> {
  const path = "/run/netns";
  await ensureFolder(path);
  if (await isMounted(path)) return;
  await note("mount", path);
  await run("mount", ["--bind", path, path]);
  await run("mount", ["--make-shared", path]);
}

/** Takes back what {@link note} wrote down, where nobody else uses it by now. */
export async function removeMade(): Promise<void> {
  const names = await readdir(madeFolder).catch(() => []);
  const made = names.map((name) => ({ kind: name.split(" ")[0], path: decodeURIComponent(name.split(" ")[1] ?? "") }));
  for (const { path } of made.filter(({ kind }) => kind === "mount")) {
    if ((await readdir(path).catch(() => [])).length === 0) await attempt("umount", [path]);
  }
  const folders = made.filter(({ kind }) => kind === "folder").map(({ path }) => path);
  for (const path of folders.sort((a, b) => b.length - a.length)) await rmdir(path).catch(() => {});
}
