// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { join } from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { SemVer } from "semver";
import type { Report } from "./goBuild.ts";
import { PLUGINS, PULUMI_VERSION } from "./pins.ts";

/** A Pulumi CLI that was found or fetched, with its plugins where it looks for them by itself. */
export interface PulumiPrograms {
  readonly command: string;
  readonly source: "found" | "fetched";
}

/**
 * Pulumi's own programs: on PATH, or fetched by Pulumi's own installer into the cache.
 * @returns undefined where neither works, as without internet: they are then built from their Go modules
 */
export async function findPulumi(cache: string, report: Report): Promise<PulumiPrograms | undefined> {
  const onPath = await execa("pulumi", ["version"], { reject: false });
  if (!onPath.failed && (await withPlugins("pulumi", report))) return { command: "pulumi", source: "found" };
  const root = join(cache, `pulumi-${PULUMI_VERSION}`);
  const command = join(root, "bin", "pulumi");
  if (existsSync(command) && (await withPlugins(command, report))) return { command, source: "fetched" };
  if (!(await reachable("https://get.pulumi.com/"))) return undefined;
  report(`fetching pulumi ${PULUMI_VERSION} by its own installer`);
  try {
    await PulumiCommand.install({ root, version: new SemVer(PULUMI_VERSION) });
  } catch (error) {
    report(`Pulumi's installer failed (${(error as Error).message.split("\n")[0]}); building from source`);
    return undefined;
  }
  return (await withPlugins(command, report)) ? { command, source: "fetched" } : undefined;
}

/** Whether the CLI has, or can get, the plugins that the SDKs ask for. */
async function withPlugins(command: string, report: Report): Promise<boolean> {
  for (const [name, version] of Object.entries(PLUGINS)) {
    const list = await execa(command, ["plugin", "ls", "--json"], { reject: false });
    if (list.failed) return false;
    const plugins = JSON.parse(list.stdout || "[]") as { name: string; version?: string }[];
    if (plugins.some((p) => p.name === name && p.version?.replace(/^v/, "") === version)) continue;
    if (!(await reachable("https://get.pulumi.com/"))) return false;
    report(`fetching Pulumi plugin ${name} ${version}`);
    const install = await execa(command, ["plugin", "install", "resource", name, `v${version}`], { reject: false });
    if (install.failed) return false;
  }
  return true;
}

async function reachable(url: string): Promise<boolean> {
  try {
    await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(5000) });
    return true;
  } catch {
    return false;
  }
}
