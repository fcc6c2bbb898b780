// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { ALL, CLUSTERS, here, NATS } from "./cache.ts";
import { debianPrograms, imageFiles, systemCommands } from "./debian.ts";
import { builtFolder, goBuild, installedGo, type Place, type Report } from "./goBuild.ts";
import { interpreterFolder } from "./interpreter.ts";
import { GO_MODULES, type GoModuleName, PLUGINS } from "./pins.ts";
import { findPulumi, type PulumiPrograms } from "./pulumi.ts";

export { SERVERS } from "./cache.ts";

export interface Toolchain {
  /** Folder with every program, by the name that it is called by. */
  readonly bin: string;
  /** Folder of the CNI plugins. */
  readonly cni: string;
  /** Folder of what images are made of, beside programs: `bin`, `lib`, `lib64`; empty without clusters. */
  readonly image: string;
  readonly pulumi: PulumiPrograms | undefined;
  /** Absolute path of a program in `bin`. */
  program(name: string): string;
}

/**
 * Finds or builds nats-server, both versions, its client, and what the controller runs on: seconds once built.
 * @throws Error with the log's name and its end when a build fails
 */
export const serverToolchain = async (report: Report = console.error): Promise<Toolchain> =>
  assemble(NATS, { folders: [], image: "" }, undefined, await installedGo(), report);

/** Finds or builds all programs of the sandbox: a second when the cache has them, else as long as README says. */
export async function toolchain(report: Report = console.error): Promise<Toolchain> {
  const goVersion = await installedGo();
  await systemCommands(report);
  const place = here();
  const debian = { folders: [await debianPrograms(place, report)], image: await imageFiles(place, report) };
  const folders = await Promise.all(ALL.map((name) => builtFolder(name, GO_MODULES[name], place, goVersion)));
  const pulumi = await findPulumi(place.cache, report, folders.every(existsSync));
  return assemble(pulumi ? CLUSTERS : ALL, debian, pulumi, goVersion, report);
}

async function assemble(
  names: readonly GoModuleName[],
  { folders, image }: { readonly folders: readonly string[]; readonly image: string },
  pulumi: PulumiPrograms | undefined,
  goVersion: string,
  report: Report,
): Promise<Toolchain> {
  const place = here();
  await mkdir(place.cache, { recursive: true });
  const built = [...folders, await interpreterFolder(place, report)];
  for (const name of names) built.push(await goBuild(name, GO_MODULES[name], place, goVersion, report));
  const layout = 2; // of the folder `bin`; another number makes new ones
  const key = createHash("sha256")
    .update(JSON.stringify([layout, built]))
    .digest("hex")
    .slice(0, 16);
  const bin = join(place.cache, `bin-${key}`);
  if (!existsSync(bin)) await linkFarm(built, bin, names.includes("pulumi"), place);
  return { bin, cni: join(folders[0] ?? "", "cni"), image, pulumi, program: (name) => join(bin, name) };
}

const PROVIDER = "pulumi-resource-";

/**
 * Hard links, not symbolic ones: programs look for their companions beside the path that they are started by. Providers
 * are no programs to call: Pulumi would take one on PATH for any version of its plugin, and warn each time.
 */
export async function linkFarm(
  folders: readonly string[],
  bin: string,
  withPlugins: boolean,
  place: Place,
): Promise<void> {
  const work = `${bin}.${process.pid}`;
  await mkdir(work);
  for (const folder of folders) {
    for (const file of await readdir(folder, { withFileTypes: true })) {
      if (!file.isFile()) continue;
      const name = file.name.startsWith(PROVIDER) ? file.name.slice(PROVIDER.length) : undefined;
      if (name !== undefined && !(withPlugins && name in PLUGINS)) continue;
      const target = name === undefined ? work : join(work, "plugins", name);
      await mkdir(target, { recursive: true });
      await link(join(folder, file.name), join(target, file.name));
    }
  }
  if (withPlugins) await pluginData(work, place);
  await rename(work, bin).catch(() => rm(work, { recursive: true }));
}

/** Lays beside each provider the data that it reads at its start. */
async function pluginData(bin: string, { sources }: Place): Promise<void> {
  const random = join(bin, "plugins/random");
  await execa(join(bin, "random-schema"), ["schema", "--out", random, "--skip-docs", "--skip-examples"], {
    cwd: random,
  });
  const list = ["list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-kubernetes/provider/v4"];
  const { stdout: module } = await execa("go", list, { cwd: join(sources, GO_MODULES.cluster.folder) });
  for (const file of ["schema.json", "terraform-mapping.json"]) {
    await copyFile(join(module, "cmd/pulumi-resource-kubernetes", file), join(bin, "plugins/kubernetes", file));
  }
}
