// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Image } from "./settings.ts";

/** The official chart; its values are what nats/chartValues.ts is written for. */
export const DEFAULT_CHART = { repository: "https://nats-io.github.io/k8s/helm/charts/", name: "nats" };
export const CHART_VERSION = "1.2.4";

/** 2.14 checks what edges publish, which the guide's 2.10.20 does not; why 2.15.3: decision 11 (nats/serverVersion.ts). */
export const DEFAULT_IMAGES: Readonly<Record<"nats" | "natsBox" | "reloader" | "controller", Image>> = {
  nats: { repository: "nats", tag: "2.15.3-alpine" },
  natsBox: { repository: "natsio/nats-box", tag: "0.14.5" },
  reloader: { repository: "natsio/nats-server-config-reloader", tag: "0.15.1" },
  controller: { repository: "node", tag: "24-bookworm-slim" },
};

/** The Helm release, as in the guide. */
export const RELEASE_NAME = "nats";

/** The NodePort of the leaf listener: the guide's. */
export const LEAF_PORT = 32222;
/** The guide's NodePort for clients; here it is closed until it is asked for. */
export const CLIENT_PORT = 32223;

/** What each server asks of its node where nothing is said: little, for most are idle. */
export const DEFAULT_REQUESTS = {
  primary: { cpu: "100m", memory: "256Mi" },
  edge: { cpu: "20m", memory: "64Mi" },
} as const;

/**
 * The most memory of a server that stores on a claim of so many bytes: what it takes by itself and for a burst, and what the subjects of full streams take, if each event has
 * one of its own (decision 21). A primary of many edges that bring large events wants more.
 */
export const memoryFor = (claim: number): string => `${1024 + Math.ceil((0.3 * claim) / 2 ** 20)}Mi`;
