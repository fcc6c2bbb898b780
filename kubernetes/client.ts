// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import type * as Client from "@kubernetes/client-node";
import { PlainError, printable } from "../lib/plainError.ts";
import { OWNER, OWNER_EDGE, OWNER_ID, OWNER_RELEASE } from "../nats/names.ts";
import { readRecord, withStatus } from "./helmRecord.ts";
import { kubeConfig } from "./kubeconfig.ts";
import type { Cluster, HelmRecord, OwnedKind } from "./port.ts";
import { portForwardGet } from "./portForward.ts";
import { readWorkload } from "./workload.ts";

/** Seconds that one request may take: a proxy or a firewall that swallows packets says nothing by itself. */
const REQUEST = 20;

interface Connection {
  readonly client: typeof Client;
  readonly config: Client.KubeConfig;
  readonly core: Client.CoreV1Api;
  readonly apps: Client.AppsV1Api;
  readonly custom: Client.CustomObjectsApi;
  /** For messages: which context, at which address. */
  readonly place: string;
}

/** Of `/routez` (nats-server, monitor.go). */
interface RoutesPage {
  readonly server_id: string;
  readonly routes?: readonly { readonly remote_id: string; readonly ip: string; readonly port: number }[] | null;
}

/** What of a request an error names. */
interface Asked {
  readonly verb: string;
  readonly resource: string;
  /** All namespaces when it is undefined. */
  readonly namespace?: string | undefined;
}

/**
 * The cluster of a stack, for what no resource answers. The client is loaded when one is asked.
 * @param keys the stack's `kubernetes:` keys
 * @param stack the full name of ours
 */
export function clusterClient(keys: Readonly<Record<string, string>>, stack: string): Cluster {
  const short = stack.split("/").at(-1);
  let connection: Promise<Connection> | undefined;
  const connected = () => {
    connection ??= connect(keys, `-s ${short}`);
    return connection;
  };

  /** One request; what goes wrong is said in one line: the request, where, why, what to try. Not found is undefined. */
  async function ask<T>(asked: Asked, call: (connection: Connection) => Promise<T>): Promise<T | undefined> {
    const to = await connected();
    try {
      return await call(to);
    } catch (error) {
      if ((error as { code?: unknown }).code === 404) return undefined;
      throw new PlainError(failure(asked, to.place, error as Error));
    }
  }
  const list = async <T>(asked: Omit<Asked, "verb">, call: (to: Connection) => Promise<{ items: T[] }>): Promise<T[]> =>
    (await ask({ verb: "list", ...asked }, call))?.items ?? [];
  const pods = (namespace: string, release: string) =>
    list({ resource: "pods", namespace }, ({ core }) =>
      core.listNamespacedPod({ namespace, labelSelector: serversOf(release) }),
    );

  /** A page of a server's monitoring, by a port-forward: no other way leads to every pod. */
  async function monitor(namespace: string, pod: string, path: string): Promise<unknown> {
    const { client, config } = await connected();
    const asked = { namespace, pod, port: 8222, path };
    const page = await portForwardGet(new client.PortForward(config), asked).catch((error: Error) => {
      // a WebSocket that is refused rejects with an event, whose message has the status
      const right = { verb: "create", resource: "pods/portforward", namespace };
      if (/\b403\b/.test(error.message)) throw new PlainError(failure(right, "", { code: 403 } as unknown as Error));
      throw new Error(`port-forward to ${pod}: ${error.message}`);
    });
    return JSON.parse(page);
  }

  return {
    stack,
    async place() {
      return (await connected()).place;
    },
    async identity(namespace) {
      const system = await ask({ verb: "get", resource: "namespaces/kube-system" }, ({ core }) =>
        core.readNamespace({ name: "kube-system" }),
      ).catch(noRight);
      const uid = system?.metadata?.uid;
      const name = "kube-root-ca.crt";
      const authority = (where: string) =>
        ask({ verb: "get", resource: `configmaps/${name}`, namespace: where }, ({ core }) =>
          core.readNamespacedConfigMap({ namespace: where, name }),
        );
      // a namespace that is not there yet has none; the cluster puts the same into each
      const found =
        (await authority(namespace).catch(uid === undefined ? refuse : noRight)) ??
        (await authority("default").catch(noRight));
      const pem = found?.data?.["ca.crt"];
      return {
        ...(uid === undefined ? {} : { uid }),
        ...(pem === undefined ? {} : { ca: createHash("sha256").update(pem).digest("hex").slice(0, 32) }),
      };
    },
    async owner(namespace, kind, name) {
      const found = await ask({ verb: "get", resource: `${kind.toLowerCase()}s/${name}`, namespace }, (to) =>
        read(to, kind, { namespace, name }),
      );
      if (found === undefined) return undefined;
      const { annotations = {} } = found.metadata ?? {};
      const [id, stack] = [annotations[OWNER_ID], annotations[OWNER]];
      return { id, stack, edge: annotations[OWNER_EDGE], release: annotations[OWNER_RELEASE] };
    },
    async secret(namespace, name) {
      const found = await ask({ verb: "get", resource: `secrets/${name}`, namespace }, ({ core }) =>
        core.readNamespacedSecret({ namespace, name }),
      );
      const entries = Object.entries(found?.data ?? {});
      return found && Object.fromEntries(entries.map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
    },
    async writeSecret(namespace, name, key, text) {
      const body = { data: { [key]: Buffer.from(text).toString("base64") } };
      const written = await ask({ verb: "patch", resource: `secrets/${name}`, namespace }, ({ core, client }) =>
        core.patchNamespacedSecret(
          { namespace, name, body },
          client.setHeaderOptions("Content-Type", client.PatchStrategy.MergePatch),
        ),
      );
      if (written === undefined)
        throw new PlainError(`Secret ${name} in namespace ${namespace}: expected one; came none`);
    },
    async namespaces(secret, id) {
      const items = await list({ resource: "secrets" }, ({ core }) =>
        core.listSecretForAllNamespaces({ fieldSelector: `metadata.name=${secret}` }),
      );
      return items.flatMap(({ metadata }) =>
        metadata?.annotations?.[OWNER_ID] === id ? (metadata.namespace ?? []) : [],
      );
    },
    async helmRecords(namespace, release) {
      const labelSelector = `owner=helm,name=${release}`;
      const items = await list({ resource: "secrets", namespace }, ({ core }) =>
        core.listNamespacedSecret({ namespace, labelSelector }),
      );
      return items.map(({ metadata, data }): HelmRecord => {
        const { description, owner } = readRecord(data?.release);
        return {
          name: metadata?.name ?? "",
          description,
          owner,
          status: metadata?.labels?.status ?? "unknown",
          revision: Number(metadata?.labels?.version ?? 0),
        };
      });
    },
    async markFailed(namespace, name) {
      const resource = `secrets/${name}`;
      const secret = await ask({ verb: "get", resource, namespace }, ({ core }) =>
        core.readNamespacedSecret({ namespace, name }),
      );
      if (secret === undefined) return;
      const labels = { ...secret.metadata?.labels, status: "failed" };
      const data = { ...secret.data, release: withStatus(secret.data?.release ?? "", "failed") };
      // with the version that was read: a Helm that still works on it is not written over
      const body = { ...secret, metadata: { ...secret.metadata, labels }, data };
      await ask({ verb: "update", resource, namespace }, ({ core }) =>
        core.replaceNamespacedSecret({ namespace, name, body }),
      );
    },
    async forget(namespace, name) {
      await ask({ verb: "delete", resource: `secrets/${name}`, namespace }, ({ core }) =>
        core.deleteNamespacedSecret({ namespace, name }),
      );
    },
    async runningServers(namespace, release) {
      const sets = await list({ resource: "statefulsets", namespace }, ({ apps }) =>
        apps.listNamespacedStatefulSet({ namespace, labelSelector: serversOf(release) }),
      );
      const set = sets.find(({ metadata }) => metadata?.deletionTimestamp === undefined);
      if (set === undefined) return undefined;
      const claim = set.spec?.volumeClaimTemplates?.[0]?.spec;
      const size = claim?.resources?.requests?.storage;
      const replicas = set.spec?.replicas ?? 1;
      const image = set.spec?.template.spec?.containers.find(({ name }) => name === "nats")?.image;
      const claimed = size === undefined ? undefined : { size, storageClass: claim?.storageClassName };
      return { replicas, claim: claimed, image };
    },
    async claims(namespace, release) {
      const items = await list({ resource: "persistentvolumeclaims", namespace }, ({ core }) =>
        core.listNamespacedPersistentVolumeClaim({ namespace, labelSelector: serversOf(release) }),
      );
      return items.flatMap(({ metadata, spec }) => {
        const { name = "", deletionTimestamp } = metadata ?? {};
        const size = spec?.resources?.requests?.storage ?? "";
        // as the chart calls its template, and the StatefulSet what it makes of it
        return /-js-.*-[0-9]+$/.test(name) && deletionTimestamp === undefined
          ? [{ name, size, edge: metadata?.annotations?.[OWNER_EDGE] }]
          : [];
      });
    },
    async serverPods(namespace, release) {
      return (await pods(namespace, release)).map(({ metadata, status }) => ({
        name: metadata?.name ?? "",
        running: status?.containerStatuses?.some(({ name, state }) => name === "nats" && state?.running) ?? false,
        going: metadata?.deletionTimestamp !== undefined || (metadata?.ownerReferences ?? []).length > 0,
      }));
    },
    async touchPods(namespace, release) {
      const annotations = { "ops-nats/secret-changed-at": new Date().toISOString() };
      const names = (await pods(namespace, release)).flatMap(({ metadata }) => metadata?.name ?? []);
      await Promise.all(
        names.map((name) =>
          ask({ verb: "patch", resource: `pods/${name}`, namespace }, ({ core, client }) =>
            core.patchNamespacedPod(
              { namespace, name, body: { metadata: { annotations } } },
              client.setHeaderOptions("Content-Type", client.PatchStrategy.MergePatch),
            ),
          ),
        ),
      );
    },
    async serverTags(namespace, pod) {
      return ((await monitor(namespace, pod, "/varz")) as { tags?: string[] }).tags ?? [];
    },
    async serverRoutes(namespace, pod) {
      const { server_id: id, routes } = (await monitor(namespace, pod, "/routez")) as RoutesPage;
      return {
        id,
        peers: (routes ?? []).map(({ remote_id, ip, port }) => ({ id: remote_id, address: `${ip}:${port}` })),
      };
    },
    async serverLog(namespace, pod, since) {
      const text = await ask({ verb: "get", resource: `pods/${pod}/log`, namespace }, ({ core }) =>
        core.readNamespacedPodLog({
          ...{ namespace, name: pod, container: "nats" },
          ...{ tailLines: 2000, sinceSeconds: Math.max(1, Math.ceil((Date.now() - since) / 1000)) },
        }),
      );
      return text ?? "";
    },
    async workload(namespace, selector) {
      const { core, apps } = await connected();
      return readWorkload(core, apps, namespace, selector);
    },
    nodes: () => list({ resource: "nodes" }, ({ core }) => core.listNode()),
  };
}

const serversOf = (release: string): string => `app.kubernetes.io/instance=${release},app.kubernetes.io/component=nats`;

/** @param own names the stack in a command */
async function connect(keys: Readonly<Record<string, string>>, own: string): Promise<Connection> {
  const client = await import("@kubernetes/client-node");
  const config = kubeConfig(keys, () => new client.KubeConfig());
  const cluster = config.getCurrentCluster();
  const context = config.getCurrentContext();
  if (!cluster) {
    const names = config.getContexts().map(({ name }) => name);
    throw new PlainError(
      `kubernetes:context: expected a context of the kubeconfig (${names.join(", ") || "it has none"}); came ${context || "nothing"}; ` +
        `next: pulumi config set kubernetes:context ${names.length === 1 ? names[0] : "<context>"} ${own}`,
    );
  }
  const configuration = client.createConfiguration({
    baseServer: new client.ServerConfiguration(cluster.server, {}),
    authMethods: { default: config },
    promiseMiddleware: [
      {
        pre: async (context) => {
          context.setSignal(AbortSignal.timeout(REQUEST * 1000));
          return context;
        },
        post: async (context) => context,
      },
    ],
  });
  return {
    client,
    config,
    core: new client.CoreV1Api(configuration),
    apps: new client.AppsV1Api(configuration),
    custom: new client.CustomObjectsApi(configuration),
    place: `context ${context}, ${cluster.server}${cluster.proxyUrl ? `, by proxy ${withoutLogin(cluster.proxyUrl)}` : ""}`,
  };
}

/** A proxy's address may hold a password. */
const withoutLogin = (url: string): string => url.replace(/\/\/[^@/]*@/, "//");

const RBAC = { group: "rbac.authorization.k8s.io", version: "v1" };

function read(
  { core, apps, custom }: Connection,
  kind: OwnedKind,
  at: { namespace: string; name: string },
): Promise<{ metadata?: Client.V1ObjectMeta }> {
  switch (kind) {
    case "Secret":
      return core.readNamespacedSecret(at);
    case "ConfigMap":
      return core.readNamespacedConfigMap(at);
    case "Service":
      return core.readNamespacedService(at);
    case "StatefulSet":
      return apps.readNamespacedStatefulSet(at);
    case "Deployment":
      return apps.readNamespacedDeployment(at);
    case "ServiceAccount":
      return core.readNamespacedServiceAccount(at);
    case "Role":
      return custom.getNamespacedCustomObject({ ...at, ...RBAC, plural: "roles" });
    case "RoleBinding":
      return custom.getNamespacedCustomObject({ ...at, ...RBAC, plural: "rolebindings" });
    case "Lease":
      return custom.getNamespacedCustomObject({ ...at, group: "coordination.k8s.io", version: "v1", plural: "leases" });
    case "Certificate":
      return custom.getNamespacedCustomObject({
        ...at,
        group: "cert-manager.io",
        version: "v1",
        plural: "certificates",
      });
  }
}

/** What a request that failed means to who runs `pulumi up`. */
function failure({ verb, resource, namespace }: Asked, place: string, error: Error): string {
  const { code, body } = error as { code?: unknown; body?: unknown };
  const where = namespace === undefined ? "in all namespaces" : `in namespace ${namespace}`;
  const [kind = "", name] = resource.split("/");
  const flag = namespace === undefined ? (kind === "namespaces" ? "" : " --all-namespaces") : ` -n ${namespace}`;
  const request = `cluster${place === "" ? "" : ` (${place})`}: expected an answer to ${verb} ${resource} ${where}`;
  if (code === 403) {
    return `${request}; came: forbidden; next: have the right granted (kubectl auth can-i ${verb} ${kind}${name ? `/${name}` : ""}${flag}), then pulumi up again`;
  }
  if (code === 401) return `${request}; came: unauthorized; next: log in to the cluster again, then pulumi up`;
  const said = typeof code === "number" ? `${code} ${printable(message(body), 300)}` : cause(error);
  return `${request}; came: ${said}; next: check kubernetes:context, the network and HTTPS_PROXY/NO_PROXY (kubectl get namespaces), then pulumi up again`;
}

function message(body: unknown): string {
  try {
    const parsed =
      typeof body === "string" ? (JSON.parse(body) as { message?: string }) : (body as { message?: string });
    return parsed?.message ?? "";
  } catch {
    return String(body).slice(0, 200);
  }
}

const cause = (error: Error): string =>
  error.name === "AbortError" || /aborted/.test(error.message)
    ? `nothing within ${REQUEST} s`
    : (error.message.split("\n")[0] ?? "");

/** Forbidden is an answer, too, where another question will do. */
function noRight(error: Error): undefined {
  if (!/came: forbidden/.test(error.message)) throw error;
}

function refuse(error: Error): never {
  throw error;
}
