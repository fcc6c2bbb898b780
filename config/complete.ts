// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { z } from "zod";
import { CHART_VERSION, DEFAULT_CHART, DEFAULT_IMAGES, DEFAULT_REQUESTS, memoryFor } from "./defaults.ts";
import type { edgeSchema, primarySchema } from "./schema.ts";
import type { Chart, Images, Resources } from "./settings.ts";
import { bytes, cores } from "./units.ts";

type Parsed = z.output<typeof edgeSchema> | z.output<typeof primarySchema>;

/** The role's own amounts where nothing is said; an amount that is said has its way over those. */
export function resourcesOf({ resources }: Parsed, role: "primary" | "edge", claim: string | undefined): Resources {
  const { requests, limits } = resources;
  const usual = DEFAULT_REQUESTS[role];
  const least = memoryFor(claim === undefined ? 0 : bytes(claim));
  const limit = limits.memory ?? larger(least, requests.memory ?? least, bytes);
  return {
    requests: {
      cpu: smaller(usual.cpu, limits.cpu ?? usual.cpu, cores),
      memory: smaller(usual.memory, limit, bytes),
      ...defined(requests),
    },
    limits: { ...defined(limits), memory: limit },
  };
}

type Measure = (amount: string) => number;

const smaller = (one: string, other: string, of: Measure): string => (of(other) < of(one) ? other : one);

const larger = (one: string, other: string, of: Measure): string => (of(other) > of(one) ? other : one);

const defined = <T extends object>(map: T | undefined) =>
  Object.fromEntries(Object.entries(map ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;

/** Replaces `chart` and `images` by their complete forms. */
export function deployment(parsed: Parsed): { readonly chart: Chart; readonly images: Images } {
  const { path, oci, repository, name, version } = parsed.chart;
  const chart: Chart =
    path !== undefined
      ? { chart: path, repository: undefined, version: undefined }
      : oci !== undefined
        ? { chart: oci, repository: undefined, version: version ?? CHART_VERSION }
        : {
            chart: name ?? DEFAULT_CHART.name,
            repository: repository ?? DEFAULT_CHART.repository,
            version: version ?? CHART_VERSION,
          };
  const { registry, pullSecrets, nats, natsBox, reloader, controller } = parsed.images;
  const images: Images = {
    registry,
    pullSecrets: pullSecrets ?? [],
    nats: { ...DEFAULT_IMAGES.nats, ...defined(nats) },
    natsBox: { ...DEFAULT_IMAGES.natsBox, ...defined(natsBox) },
    reloader: { ...DEFAULT_IMAGES.reloader, ...defined(reloader) },
    controller: { ...DEFAULT_IMAGES.controller, ...defined(controller) },
  };
  return { chart, images };
}
