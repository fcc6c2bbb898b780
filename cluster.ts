// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter } from "node:path";
import { gunzipSync } from "node:zlib";
import type { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Cluster, OWNER } from "./components/release.ts";

const NAMESPACE = "kubernetes:";

/** All of the stack's `kubernetes:` keys, by their names without it: what Pulumi's own default provider would take. */
export function accessKeys(config: Readonly<Record<string, string>>): Record<string, string> {
  const keys = Object.entries(config).filter(([key]) => key.startsWith(NAMESPACE));
  return Object.fromEntries(keys.map(([key, value]) => [key.slice(NAMESPACE.length), value]));
}

/** Keys that Pulumi's provider takes as maps; in a stack's configuration they are JSON text. */
const MAPS = ["helmReleaseSettings", "kubeClientSettings"];

/** The provider of the stack: as configured, but a changed Secret or ConfigMap is updated in place, not replaced. */
export function clusterProvider(keys: Readonly<Record<string, string>>, secretKeys: ReadonlySet<string>): k8s.Provider {
  const args = Object.entries(keys).map(([key, text]) => {
    const value = text === "true" || text === "false" || MAPS.includes(key) ? JSON.parse(text) : text;
    return [key, secretKeys.has(NAMESPACE + key) ? pulumi.secret(value) : value];
  });
  // an empty kubeconfig means what kubectl would use; left out, the SDK takes a whole KUBECONFIG=a:b for one file's name
  const mutable = { enableSecretMutable: true, enableConfigMapMutable: true };
  return new k8s.Provider("cluster", { kubeconfig: "", ...Object.fromEntries(args), ...mutable });
}

/** The same cluster for what no resource answers. The client is loaded when one is asked. `stack` is the full name of ours. */
export function clusterClient(keys: Readonly<Record<string, string>>, stack: string): Cluster {
  const config = async () => {
    const client = await import("@kubernetes/client-node");
    return { client, config: kubeConfig(keys, () => new client.KubeConfig()) };
  };
  const connect = () => config().then(({ client, config }) => config.makeApiClient(client.CoreV1Api));
  return {
    stack,
    async namespaces(secret) {
      const fieldSelector = `metadata.name=${secret}`;
      const { items } = await (await connect()).listSecretForAllNamespaces({ fieldSelector });
      return items.flatMap(({ metadata }) =>
        metadata?.annotations?.[OWNER] === stack ? (metadata.namespace ?? []) : [],
      );
    },
    async helmRecords(namespace, release) {
      const api = await connect();
      const { items } = await api.listNamespacedSecret({ namespace, labelSelector: `owner=helm,name=${release}` });
      return items.map(({ metadata, data }) => ({
        description: describedAs(data?.release),
        status: metadata?.labels?.status ?? "unknown",
        revision: Number(metadata?.labels?.version ?? 0),
      }));
    },
    async runningServers(namespace, release) {
      const apps = await config().then(({ client, config }) => config.makeApiClient(client.AppsV1Api));
      const labelSelector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=nats`;
      const [set] = (await apps.listNamespacedStatefulSet({ namespace, labelSelector })).items;
      if (set === undefined) return undefined;
      const claim = set.spec?.volumeClaimTemplates?.[0]?.spec;
      const size = claim?.resources?.requests?.storage;
      const replicas = set.spec?.replicas ?? 1;
      const image = set.spec?.template.spec?.containers.find(({ name }) => name === "nats")?.image;
      const claimed = size === undefined ? undefined : { size, storageClass: claim?.storageClassName };
      return { replicas, claim: claimed, image };
    },
    async claims(namespace, release) {
      const labelSelector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=nats`;
      const { items } = await (await connect()).listNamespacedPersistentVolumeClaim({ namespace, labelSelector });
      const ofServer = new RegExp(`^nats-js-${release}-[0-9]+$`); // as the chart calls its template
      return items.flatMap(({ metadata, spec }) => {
        const { name = "", deletionTimestamp } = metadata ?? {};
        const size = spec?.resources?.requests?.storage ?? "";
        return ofServer.test(name) && deletionTimestamp === undefined ? [{ name, size }] : [];
      });
    },
    async serverPods(namespace, release) {
      return podNames(await connect(), namespace, release);
    },
    async touchPods(namespace, release) {
      const api = await connect();
      const annotations = { "ops-nats/secret-changed-at": new Date().toISOString() };
      const { setHeaderOptions, PatchStrategy } = await import("@kubernetes/client-node");
      const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
      const patch = (name: string) =>
        api.patchNamespacedPod({ namespace, name, body: { metadata: { annotations } } }, merge);
      await Promise.all((await podNames(api, namespace, release)).map(patch));
    },
  };
}

async function podNames(api: CoreV1Api, namespace: string, release: string): Promise<string[]> {
  const labelSelector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=nats`;
  const { items } = await api.listNamespacedPod({ namespace, labelSelector });
  return items.flatMap(({ metadata }) => metadata?.name ?? []);
}

/** The description in Helm's record of a release: JSON, compressed, base64 in a Secret, which is base64 again. */
export function describedAs(record: string | undefined): string {
  if (record === undefined) return "";
  const packed = Buffer.from(Buffer.from(record, "base64").toString(), "base64");
  const { info } = JSON.parse(gunzipSync(packed).toString()) as { info?: { description?: string } };
  return info?.description ?? "";
}

/**
 * Loads what Pulumi's provider would: `kubeconfig` is a path (`~` too) or the text itself, without it what kubectl would use;
 * `context` and `cluster` choose from it.
 * @param empty makes a KubeConfig without anything in it
 */
export function kubeConfig(keys: Readonly<Record<string, string>>, empty: () => KubeConfig): KubeConfig {
  const { kubeconfig, context, cluster } = keys;
  const config = kubeconfig ? loaded(kubeconfig, empty()) : ambient(empty);
  if (context !== undefined) config.setCurrentContext(context);
  if (cluster !== undefined) {
    const current = config.getCurrentContext();
    config.contexts = config.contexts.map((c) => (c.name === current ? { ...c, cluster } : c));
  }
  return config;
}

function loaded(kubeconfig: string, config: KubeConfig): KubeConfig {
  const path = kubeconfig.replace(/^~(?=\/)/, homedir());
  if (existsSync(path)) config.loadFromFile(path);
  else config.loadFromString(path);
  return config;
}

/** KUBECONFIG may list several files, of which the first to have a name has it; the client's own merge refuses names twice. */
function ambient(empty: () => KubeConfig): KubeConfig {
  const config = empty();
  const files = (process.env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "" && existsSync(file));
  if (files.length < 2) {
    config.loadFromDefault();
    return config;
  }
  const all = files.map((file) => loaded(file, empty()));
  const first = <T extends { name: string }>(lists: readonly (readonly T[])[]): T[] =>
    lists.flat().filter((item, i, flat) => flat.findIndex(({ name }) => name === item.name) === i);
  config.clusters = first(all.map(({ clusters }) => clusters));
  config.users = first(all.map(({ users }) => users));
  config.contexts = first(all.map(({ contexts }) => contexts));
  config.currentContext = all.map((one) => one.getCurrentContext()).find((name) => Boolean(name)) ?? "";
  return config;
}
