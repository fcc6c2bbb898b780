// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { Resolver } from "node:dns/promises";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Api } from "./api.ts";
import { ensureDaemon, waitingFor } from "./daemon.ts";
import { componentKubeconfig } from "./kubeconfig.ts";
import type { Machine } from "./machine.ts";
import { until } from "./wait.ts";

async function writeConfig({ layout }: Machine, name: string, config: object): Promise<string> {
  const file = join(layout.folder, name);
  await writeFile(file, stringify(config));
  return file;
}

export async function startKubelet(machine: Machine): Promise<void> {
  const { layout } = machine;
  const resolvConf = join(layout.folder, "resolv.conf");
  await writeFile(resolvConf, `nameserver ${layout.address}\n`);
  const config = await writeConfig(machine, "kubelet.yaml", {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(layout.pki, "ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: join(layout.pki, "kubelet.crt"),
    tlsPrivateKeyFile: join(layout.pki, "kubelet.key"),
    address: layout.address,
    healthzPort: 0,
    containerRuntimeEndpoint: `unix://${layout.socket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: layout.cgroup,
    enforceNodeAllocatable: [],
    // Without CAP_SYS_RESOURCE a process may not lower its score.
    oomScoreAdj: 0,
    failSwapOn: false,
    clusterDNS: [layout.address],
    clusterDomain: "cluster.local",
    resolvConf,
    podLogsDir: join(layout.logs, "pods"),
    volumePluginDir: join(layout.folder, "volume-plugins"),
    // Images are imported once and cannot be pulled again; the disk is the user's, who may have filled it.
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "imagefs.available": "0%",
    },
    kubeAPIQPS: 1000,
    kubeAPIBurst: 1000,
  });
  await ensureDaemon(machine, "kubelet", [
    `--config=${config}`,
    `--kubeconfig=${componentKubeconfig(layout, "kubelet")}`,
    `--hostname-override=${layout.name}`,
    `--node-ip=${layout.address}`,
    `--root-dir=${join(layout.folder, "kubelet")}`,
    `--cert-dir=${layout.pki}`,
  ]);
}

export async function startProxy(machine: Machine): Promise<void> {
  const { layout } = machine;
  const config = await writeConfig(machine, "kube-proxy.yaml", {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig: componentKubeconfig(layout, "proxy") },
    mode: "iptables",
    clusterCIDR: layout.podRange,
    hostnameOverride: layout.name,
    bindAddress: layout.address,
    metricsBindAddress: "127.0.0.1:10249",
    healthzBindAddress: "127.0.0.1:10256",
    // These are settings of the whole host: left alone.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    // A NodePort on 127.0.0.1 would open the machine's loopback to its neighbours.
    iptables: { localhostNodePorts: false, minSyncPeriod: "100ms" },
  });
  await ensureDaemon(machine, "kube-proxy", [`--config=${config}`]);
}

/** The cluster's names, and no others: nothing in the sandbox needs the outer world. */
export async function startDns(machine: Machine): Promise<void> {
  const { layout } = machine;
  const corefile = join(layout.folder, "Corefile");
  const kubeconfig = JSON.stringify(componentKubeconfig(layout, "coredns"));
  await writeFile(
    corefile,
    `.:53 {
  errors
  cache 5
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfig}
    ttl 5
  }
}
`,
  );
  await ensureDaemon(machine, "coredns", ["-conf", corefile]);
}

export async function dnsReady({ layout }: Machine): Promise<void> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([layout.address]);
  const name = "kubernetes.default.svc.cluster.local";
  const found = async () => (await resolver.resolve4(name)).includes(layout.serviceAddress) || undefined;
  await until(`${layout.name}: DNS`, found, waitingFor(layout, "coredns"));
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

export async function nodeCondition(api: Api, name: string): Promise<Condition> {
  const node = (await api.get(`/api/v1/nodes/${name}`)) as { status?: { conditions?: Condition[] } };
  const found = node.status?.conditions?.find(({ type }) => type === "Ready");
  return found ?? { type: "Ready", status: "Unknown", message: "the kubelet has not reported yet" };
}

export async function nodeReady({ layout }: Machine, api: Api): Promise<void> {
  await until(
    `${layout.name}: node`,
    async () => {
      const { status, message } = await nodeCondition(api, layout.name);
      if (status !== "True") throw new Error(`Ready is ${status}: ${message}`);
      return true;
    },
    waitingFor(layout, "kubelet"),
  );
}

/** No pod is admitted before the controllers have given its namespace an account. */
export async function podsAllowed({ layout }: Machine, api: Api): Promise<void> {
  await until(
    `${layout.name}: default service account`,
    () => api.get("/api/v1/namespaces/default/serviceaccounts/default"),
    waitingFor(layout, "kube-controller-manager"),
  );
}
