// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { debianPrograms, systemCommands } from "./debian.ts";
import { goBuild, type Place, type Report } from "./goBuild.ts";
import { GO_MODULES, type GoModuleName } from "./pins.ts";
import { findPulumi, type PulumiPrograms } from "./pulumi.ts";

export interface Toolchain {
  /** Folder with every program, by the name that it is called by. */
  readonly bin: string;
  /** Folder of the CNI plugins. */
  readonly cni: string;
  readonly pulumi: PulumiPrograms | undefined;
  /** Absolute path of a program in `bin`. */
  program(name: string): string;
}

/** What the tests without Kubernetes need. */
export const SERVERS: readonly GoModuleName[] = ["nats-server-2.10.20", "nats-server-2.14.9"];
const CLUSTERS: readonly GoModuleName[] = [...SERVERS, "nats-cli", "reloader", "cluster"];
const PULUMI: readonly GoModuleName[] = ["cluster", "pulumi"];

/** The user's cache: what is built is kept there by the hash of its pins, for every clone. */
export const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "ops-nats", "toolchain");

/**
 * Finds or builds nats-server, both versions: seconds once built.
 * @throws Error with the log's name and its end when a build fails
 */
export const serverToolchain = (report: Report = console.error): Promise<Toolchain> =>
  assemble(SERVERS, [], undefined, report);

/** Finds or builds all programs of the sandbox: two seconds when the cache has them, else as long as README says. */
export async function toolchain(report: Report = console.error): Promise<Toolchain> {
  await systemCommands(report);
  const place = here();
  const debian = await debianPrograms(place, report);
  const pulumi = await findPulumi(place.cache, report);
  const modules = pulumi ? CLUSTERS : [...new Set([...CLUSTERS, ...PULUMI])];
  return assemble(modules, [debian], pulumi, report);
}

const here = (): Place => ({ sources: resolve(import.meta.dirname, ".."), cache: cacheFolder() });

async function assemble(
  names: readonly GoModuleName[],
  folders: readonly string[],
  pulumi: PulumiPrograms | undefined,
  report: Report,
): Promise<Toolchain> {
  const place = here();
  await mkdir(place.cache, { recursive: true });
  const goVersion = await installedGo();
  const built = [...folders];
  for (const name of names) built.push(await goBuild(name, GO_MODULES[name], place, goVersion, report));
  const key = createHash("sha256").update(built.join()).digest("hex").slice(0, 16);
  const bin = join(place.cache, `bin-${key}`);
  if (!existsSync(bin)) await linkFarm(built, bin, names.includes("pulumi"), place);
  return { bin, cni: join(folders[0] ?? "", "cni"), pulumi, program: (name) => join(bin, name) };
}

/** Hard links, not symbolic ones: programs look for their companions beside the path that they are started by. */
async function linkFarm(folders: readonly string[], bin: string, withPlugins: boolean, place: Place): Promise<void> {
  const work = `${bin}.${process.pid}`;
  await mkdir(work);
  for (const folder of folders) {
    for (const file of await readdir(folder, { withFileTypes: true })) {
      if (file.isFile()) await link(join(folder, file.name), join(work, file.name));
    }
  }
  if (withPlugins) await pluginFolders(work, place);
  await rename(work, bin).catch(() => rm(work, { recursive: true }));
}

/** Lays each provider into a folder of its own beside the data that it reads at its start. */
async function pluginFolders(bin: string, { sources }: Place): Promise<void> {
  const folder = async (name: string) => {
    const plugin = join(bin, "plugins", name);
    await mkdir(plugin, { recursive: true });
    await rename(join(bin, `pulumi-resource-${name}`), join(plugin, `pulumi-resource-${name}`));
    return plugin;
  };
  const random = await folder("random");
  await execa(join(bin, "random-schema"), ["schema", "--out", random, "--skip-docs", "--skip-examples"], {
    cwd: random,
  });
  const kubernetes = await folder("kubernetes");
  const list = ["list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-kubernetes/provider/v4"];
  const { stdout: module } = await execa("go", list, { cwd: join(sources, GO_MODULES.cluster.folder) });
  for (const file of ["schema.json", "terraform-mapping.json"]) {
    await copyFile(join(module, "cmd/pulumi-resource-kubernetes", file), join(kubernetes, file));
  }
}

async function installedGo(): Promise<string> {
  const { stdout, failed } = await execa("go", ["env", "GOVERSION"], { reject: false, env: { GOTOOLCHAIN: "local" } });
  if (failed)
    throw new Error("Go was not found: install Go 1.25 or later (https://go.dev/dl/), then run the same command again");
  return stdout;
}
