// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { EdgeSettings, PrimarySettings, Settings } from "../../config/settings.ts";
import { edgeValues } from "../../nats/edgeConfig.ts";
import type { EdgeLink, EdgeStore } from "../../nats/edgeLogin.ts";
import { primaryValues } from "../../nats/primaryConfig.ts";
import { readSettings } from "../../preflight/settings.ts";
import type { ValueSet } from "./chartValues.ts";
import { source } from "./source.ts";

type Keys = Readonly<Record<string, unknown>>;

/** Settings of a stack with these keys, read as the program reads them. */
export const settingsOf = (stack: string, keys: Keys): Settings => readSettings(source(stack, keys));

export const store: EdgeStore = {
  subjects: ["ops.clusters.edge-1.>"],
  maxAge: 3600,
  whenFull: "keep-newest",
  underWay: 250,
};
export const link: EdgeLink = {
  urls: ["tls://203.0.113.10:32222"],
  ca: "PEM",
  seed: "SU-seed-of-the-leaf",
  publish: ["ops.clusters.edge-1.>", "ops.notifications.>"],
  receive: [],
  store: undefined,
};

/** The chart's values of a primary and of edge-1, exactly as the program makes them. */
export const primaryOf = (keys: Keys = {}) =>
  primaryValues(settingsOf("primary", { hosts: ["203.0.113.10"], ...keys }) as PrimarySettings);
export const edgeOf = (keys: Keys = {}, by = link) => edgeValues(settingsOf("edge-1", keys) as EdgeSettings, by);

const images = { registry: "registry.example", pullSecrets: ["pull"], nats: { tag: "2.10.20-alpine" } };

/** What the program sets, for the comparison of charts. */
export const PROGRAM_SETS: readonly ValueSet[] = [
  { name: "the program's primary", values: primaryOf() },
  { name: "the program's primary of one server", values: primaryOf({ replicas: 1 }) },
  { name: "the program's primary with an open client port", values: primaryOf({ clientPort: 32223 }) },
  {
    name: "the program's primary with persistence",
    values: primaryOf({ persistence: { enabled: true, size: "5Gi", storageClass: "fast" } }),
  },
  { name: "the program's primary with plain links", values: primaryOf({ tls: { enabled: false } }) },
  {
    name: "the program's primary with a certificate of somebody else's",
    values: primaryOf({ tls: { secretName: "own" } }),
  },
  { name: "the program's primary from a mirror", values: primaryOf({ images }) },
  { name: "the program's edge", values: edgeOf() },
  {
    name: "the program's edge with a plain link",
    values: edgeOf({}, { ...link, urls: ["nats-leaf://203.0.113.10:32222"] }),
  },
  { name: "the program's edge of three servers", values: edgeOf({ replicas: 3 }) },
  {
    name: "the program's edge that stores",
    values: edgeOf({ persistence: { size: "2Gi", storageClass: "fast" } }, { ...link, store }),
  },
  { name: "the program's edge with a leaf listener", values: edgeOf({ leafPort: 32222 }) },
  { name: "the program's edge on 2.10.20 from a mirror", values: edgeOf({ images }) },
];
