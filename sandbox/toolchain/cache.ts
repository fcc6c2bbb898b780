// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import type { Place } from "./goBuild.ts";
import { GO_MODULES, type GoModuleName, KUBERNETES_VERSION } from "./pins.ts";
import { fetchedPulumi, pulumiOnPath } from "./pulumi.ts";

export const SERVERS: readonly GoModuleName[] = ["nats-server-2.10.20", "nats-server-2.15.3"];
/** What the tests without Kubernetes need. */
export const NATS: readonly GoModuleName[] = [...SERVERS, "nats-cli", "ops-client"];
/** What is built where Pulumi is there. */
export const CLUSTERS: readonly GoModuleName[] = [...NATS, "reloader", "cluster"];
export const ALL: readonly GoModuleName[] = [...CLUSTERS, "pulumi"];

/** The user's cache: what is built is kept there by the hash of its pins, for every clone. */
export const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ops-nats", "toolchain");

export const here = (): Place => ({ sources: resolve(import.meta.dirname, ".."), cache: cacheFolder() });

/** So much is going to be written below a folder. */
export interface DiskNeed {
  readonly folder: string;
  readonly bytes: number;
}

/** Measured: what a build of everything leaves in our cache, in Go's of modules and in Go's of compiled packages. */
const COLD = { ours: 0.9e9, modules: 3e9, compiled: 5e9 };

/** The disk that is needed to build what was never built on this machine; a rebuild finds most of it in Go's caches. */
export async function buildNeeds(cache: string = cacheFolder()): Promise<DiskNeed[]> {
  const pulumi = existsSync(fetchedPulumi(cache)) || (await pulumiOnPath(() => {}));
  const names = pulumi ? CLUSTERS : ALL;
  const total = ALL.reduce((sum, name) => sum + GO_MODULES[name].seconds, 0);
  const share = names
    .filter((name) => !existsSync(join(cache, `${name}.seconds`)))
    .reduce((sum, name) => sum + GO_MODULES[name].seconds / total, 0);
  if (share === 0) return [];
  const needs = [{ folder: cache, bytes: share * COLD.ours }];
  const { stdout, failed } = await execa("go", ["env", "GOMODCACHE", "GOCACHE"], { reject: false });
  const [modules, compiled] = stdout?.split("\n") ?? [];
  if (failed || !modules || !compiled) return needs; // the toolchain tells that Go is missing
  if (existsSync(join(modules, `k8s.io/kubernetes@v${KUBERNETES_VERSION}`))) return needs; // Go's caches are warm
  needs.push({ folder: modules, bytes: share * COLD.modules }, { folder: compiled, bytes: share * COLD.compiled });
  return needs;
}
