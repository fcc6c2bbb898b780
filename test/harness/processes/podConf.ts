// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { RELEASE_NAME } from "../../../config/defaults.ts";
import { merge } from "../../../lib/merge.ts";
import type { Values } from "../../../nats/chartValues.ts";

/** Where a pod listens; on a machine without pods they differ by port. */
export interface PodPorts {
  readonly client: number;
  readonly leaf: number;
  readonly cluster: number;
  readonly monitor: number;
}

const HOST = "127.0.0.1";

interface Block extends Values {
  readonly enabled: boolean;
  readonly fileStore?: { readonly pvc: { readonly size: string } };
  readonly merge?: Values;
}

/** The part of `config` in the chart's values that our program sets. */
interface ChartConfig {
  readonly serverNamePrefix?: string;
  readonly cluster?: Block;
  readonly leafnodes?: Block;
  readonly jetstream?: Block;
  readonly merge?: Values & { readonly $include?: string };
}

const KNOWN = ["serverNamePrefix", "cluster", "leafnodes", "jetstream", "merge"];

/**
 * The nats.conf that the chart makes of `config` for a pod, but for ports and paths (facts: nats.md 13).
 * @param pods ports of all pods of the StatefulSet
 * @param ordinal the pod's own
 * @param storeFolder where JetStream keeps files
 */
export function podConf(config: Values, pods: readonly PodPorts[], ordinal: number, storeFolder: string): string {
  const unknown = Object.keys(config).filter((key) => !KNOWN.includes(key));
  if (unknown.length > 0) throw new Error(`values.config.${unknown}: teach podConf what the chart makes of it`);
  const { cluster, leafnodes, jetstream, merge: over = {} } = config as ChartConfig;
  const own = pods[ordinal];
  if (!own) throw new Error(`pod ${ordinal} of ${pods.length}`);
  const block = (at: Block | undefined, settings: Values) => (at?.enabled ? merge(settings, at.merge) : undefined);
  const settings = {
    server_name: "<< $SERVER_NAME >>",
    host: HOST,
    port: own.client,
    http_port: own.monitor,
    lame_duck_grace_period: "10s",
    lame_duck_duration: "30s",
    cluster: block(cluster, {
      name: RELEASE_NAME,
      host: HOST,
      port: own.cluster,
      no_advertise: true,
      routes: pods.map((pod) => `nats://${HOST}:${pod.cluster}`),
    }),
    leafnodes: block(leafnodes, { host: HOST, port: own.leaf, no_advertise: true }),
    jetstream: block(jetstream, {
      max_memory_store: 0,
      max_file_store: `<< ${jetstream?.fileStore?.pvc.size} >>`,
      store_dir: storeFolder,
    }),
  };
  const { $include, ...rest } = merge(settings, over) as Values;
  // first, as the chart prints it: it defines variables that are used after it
  const included = $include === undefined ? [] : [`include ${$include}`];
  const entries = Object.entries(rest).map(([key, value]) => (value === undefined ? "" : `${key}: ${text(value)}`));
  const lines = [...included, ...entries];
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}

/** What is in `<< >>` is printed bare: a size with a suffix is no text. */
const text = (value: unknown): string => JSON.stringify(value).replace(/"<< (.*?) >>"/g, "$1");
