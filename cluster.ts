// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { gunzipSync } from "node:zlib";
import type { KubeConfig } from "@kubernetes/client-node";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "./components/release.ts";

const NAMESPACE = "kubernetes:";

/** All of the stack's `kubernetes:` keys, by their names without it: what Pulumi's own default provider would take. */
export function accessKeys(config: Readonly<Record<string, string>>): Record<string, string> {
  const keys = Object.entries(config).filter(([key]) => key.startsWith(NAMESPACE));
  return Object.fromEntries(keys.map(([key, value]) => [key.slice(NAMESPACE.length), value]));
}

/** The provider of the stack: as configured, but a changed Secret is updated in place, not replaced. */
export function clusterProvider(keys: Readonly<Record<string, string>>, secretKeys: ReadonlySet<string>): k8s.Provider {
  const args = Object.entries(keys).map(([key, text]) => {
    const value = text === "true" ? true : text === "false" ? false : text;
    return [key, secretKeys.has(NAMESPACE + key) ? pulumi.secret(value) : value];
  });
  return new k8s.Provider("cluster", { ...Object.fromEntries(args), enableSecretMutable: true });
}

/** The same cluster for the two questions that no resource answers. The client is loaded when one is asked. */
export function clusterClient({ kubeconfig, context }: Readonly<Record<string, string>>): Cluster {
  const connect = async () => {
    const client = await import("@kubernetes/client-node");
    const config = new client.KubeConfig();
    load(config, kubeconfig);
    if (context !== undefined) config.setCurrentContext(context);
    return config.makeApiClient(client.CoreV1Api);
  };
  return {
    async helmRecords(namespace, release) {
      const api = await connect();
      const { items } = await api.listNamespacedSecret({ namespace, labelSelector: `owner=helm,name=${release}` });
      return items.map(({ metadata, data }) => ({
        description: describedAs(data?.release),
        status: metadata?.labels?.status ?? "unknown",
        revision: Number(metadata?.labels?.version ?? 0),
      }));
    },
    async touchPods(namespace, release) {
      const api = await connect();
      const labelSelector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=nats`;
      const { items } = await api.listNamespacedPod({ namespace, labelSelector });
      const annotations = { "ops-nats/secret-changed-at": new Date().toISOString() };
      const { setHeaderOptions, PatchStrategy } = await import("@kubernetes/client-node");
      const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
      const patch = (name: string) =>
        api.patchNamespacedPod({ namespace, name, body: { metadata: { annotations } } }, merge);
      await Promise.all(items.flatMap(({ metadata }) => (metadata?.name ? [patch(metadata.name)] : [])));
    },
  };
}

/** The description in Helm's record of a release: JSON, compressed, base64 in a Secret, which is base64 again. */
function describedAs(record: string | undefined): string {
  if (record === undefined) return "";
  const packed = Buffer.from(Buffer.from(record, "base64").toString(), "base64");
  const { info } = JSON.parse(gunzipSync(packed).toString()) as { info?: { description?: string } };
  return info?.description ?? "";
}

/** A kubeconfig is a path or the text itself, as for Pulumi's provider; without one, what kubectl would use. */
function load(config: KubeConfig, kubeconfig: string | undefined): void {
  if (kubeconfig === undefined) config.loadFromDefault();
  else if (/[\n{]/.test(kubeconfig)) config.loadFromString(kubeconfig);
  else config.loadFromFile(kubeconfig);
}
