// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { coerce, lt, SemVer } from "semver";
import type { Report } from "./goBuild.ts";
import { PLUGINS, PULUMI_FLOOR, PULUMI_VERSION } from "./pins.ts";

/** A Pulumi CLI that was found or fetched, with its plugins where it looks for them by itself. */
export interface PulumiPrograms {
  readonly command: string;
  readonly source: "found" | "fetched";
}

/** Its check for updates asks the network. */
const quiet = { reject: false, env: { PULUMI_SKIP_UPDATE_CHECK: "true" } } as const;

type Probe = () => Promise<boolean>;

const fetchedRoot = (cache: string): string => join(cache, `pulumi-${PULUMI_VERSION}`);

/** Where Pulumi's own installer puts the CLI. */
export const fetchedPulumi = (cache: string): string => join(fetchedRoot(cache), "bin", "pulumi");

/**
 * Pulumi's own programs: on PATH, or fetched by Pulumi's own installer into the cache. Where all was built before, the
 * network is not asked for the sake of fetching them.
 * @returns undefined where neither works, as without internet: they are then built from their Go modules
 */
export async function findPulumi(
  cache: string,
  report: Report,
  built: boolean,
  probe: Probe = reachable,
): Promise<PulumiPrograms | undefined> {
  let asked: Promise<boolean> | undefined;
  const online = () => (asked ??= probe());
  if ((await pulumiOnPath(report)) && (await withPlugins("pulumi", report, online)))
    return { command: "pulumi", source: "found" };
  const command = fetchedPulumi(cache);
  const fetching = built ? async () => false : online;
  if (existsSync(command) && (await withPlugins(command, report, fetching))) return { command, source: "fetched" };
  if (!(await fetching())) return undefined;
  report(`fetching pulumi ${PULUMI_VERSION} by its own installer`);
  try {
    // takes a second to load, and is rarely needed
    const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    await PulumiCommand.install({ root: fetchedRoot(cache), version: new SemVer(PULUMI_VERSION) });
  } catch (error) {
    report(`Pulumi's installer failed (${(error as Error).message.split("\n")[0]}); building from source`);
    return undefined;
  }
  return (await withPlugins(command, report, online)) ? { command, source: "fetched" } : undefined;
}

/** Whether a CLI is on PATH that can run our program. */
export async function pulumiOnPath(report: Report): Promise<boolean> {
  const { stdout, failed } = await execa("pulumi", ["version"], quiet);
  if (failed) return false;
  const version = coerce(stdout);
  if (version !== null && !lt(version, PULUMI_FLOOR)) return true;
  report(`passing over the pulumi on PATH: it is ${stdout.trim()}, and resource hooks need ${PULUMI_FLOOR} or later`);
  return false;
}

/** Whether the CLI has, or can get, the plugins that the SDKs ask for. */
async function withPlugins(command: string, report: Report, online: Probe): Promise<boolean> {
  for (const [name, version] of Object.entries(PLUGINS)) {
    const list = await execa(command, ["plugin", "ls", "--json"], quiet);
    if (list.failed) return false;
    const plugins = JSON.parse(list.stdout || "[]") as { name: string; version?: string }[];
    if (plugins.some((p) => p.name === name && p.version?.replace(/^v/, "") === version)) continue;
    const lacking = `${command} has no plugin ${name} ${version}, and it cannot be fetched`;
    if (!(await online())) {
      report(lacking);
      return false;
    }
    report(`fetching Pulumi plugin ${name} ${version}`);
    const install = await execa(command, ["plugin", "install", "resource", name, `v${version}`], quiet);
    if (install.failed) {
      report(lacking);
      return false;
    }
  }
  return true;
}

async function reachable(): Promise<boolean> {
  try {
    await fetch("https://get.pulumi.com/", { method: "HEAD", signal: AbortSignal.timeout(3000) });
    return true;
  } catch {
    return false;
  }
}
