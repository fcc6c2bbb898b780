// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Which chart the sandbox installs, and the stack configuration that says so. */
export interface ChosenChart {
  readonly kind: "given" | "official" | "stand-in";
  /** A sentence for people. */
  readonly told: string;
  /** For `ops-nats:chart`; undefined leaves the program's default, the official repository. */
  readonly config: { readonly path: string } | undefined;
}

const INDEX = "https://nats-io.github.io/k8s/helm/charts/index.yaml";

/**
 * The chart of `NATS_CHART` (a folder or .tgz); else the official one where its repository can be reached; else the stand-in.
 * @throws Error when NATS_CHART names nothing that is there
 */
export async function chooseChart(given = process.env.NATS_CHART): Promise<ChosenChart> {
  if (given) {
    const path = resolve(given);
    if (!existsSync(path))
      throw new Error(`NATS_CHART: expected a chart's folder or .tgz; came ${given}, which is not there`);
    return { kind: "given", told: `the chart in ${path} (NATS_CHART)`, config: { path } };
  }
  if (await reachable(INDEX)) return { kind: "official", told: "the official chart nats 1.2.4", config: undefined };
  const path = join(import.meta.dirname, "chart");
  return {
    kind: "stand-in",
    told: "our stand-in for the official chart nats 1.2.4, which cannot be reached from here (NATS_CHART names one)",
    config: { path },
  };
}

async function reachable(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(4000) })).ok;
  } catch {
    return false;
  }
}
