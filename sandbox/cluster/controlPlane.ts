// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import type { Api } from "./api.ts";
import { ensureDaemon, waitingFor } from "./daemon.ts";
import { componentKubeconfig } from "./kubeconfig.ts";
import type { Machine } from "./machine.ts";
import { until } from "./wait.ts";

const etcdUrl = "http://127.0.0.1:2379";

/** Heard on the machine's own loopback only, which pods do not share. */
export async function startEtcd(machine: Machine): Promise<void> {
  await ensureDaemon(machine, "etcd", [
    `--data-dir=${join(machine.layout.folder, "etcd")}`,
    "--unsafe-no-fsync", // it outlives its own end, not the machine's, with which all of the sandbox goes
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    "--listen-peer-urls=http://127.0.0.1:2380",
    // Fast, and safe but for a power cut, after which a sandbox is made anew.
    "--unsafe-no-fsync",
    "--logger=zap",
    "--log-level=warn",
  ]);
}

export async function startApiServer(machine: Machine): Promise<void> {
  const { layout } = machine;
  const pki = (file: string) => join(layout.pki, file);
  await ensureDaemon(machine, "kube-apiserver", [
    `--etcd-servers=${etcdUrl}`,
    `--advertise-address=${layout.address}`,
    "--secure-port=6443",
    `--service-cluster-ip-range=${layout.serviceRange}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    `--client-ca-file=${pki("ca.crt")}`,
    `--tls-cert-file=${pki("apiserver.crt")}`,
    `--tls-private-key-file=${pki("apiserver.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    `--kubelet-client-certificate=${pki("apiserver.crt")}`,
    `--kubelet-client-key=${pki("apiserver.key")}`,
    // The node's name is known to nobody's DNS.
    "--kubelet-preferred-address-types=InternalIP",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${pki("service-accounts.pub")}`,
    `--service-account-signing-key-file=${pki("service-accounts.key")}`,
    "--profiling=false",
  ]);
}

export async function apiServerReady({ layout }: Machine, api: Api): Promise<void> {
  await until(`${layout.name}: API server`, async () => (await api.get("/readyz")) === "ok" || undefined, {
    ...waitingFor(layout, "kube-apiserver"),
    timeout: 120,
  });
}

export async function startControllers(machine: Machine): Promise<void> {
  const { layout } = machine;
  const pki = (file: string) => join(layout.pki, file);
  const connection = (name: string) => [
    `--kubeconfig=${componentKubeconfig(layout, name)}`,
    "--bind-address=127.0.0.1",
    "--leader-elect=false",
    "--profiling=false",
    // At 20 requests a second, the default, forty controllers with an account each start within 5 s, else in 1 s.
    "--kube-api-qps=1000",
    "--kube-api-burst=1000",
  ];
  await Promise.all([
    ensureDaemon(machine, "kube-controller-manager", [
      ...connection("controller-manager"),
      "--use-service-account-credentials=true",
      `--service-account-private-key-file=${pki("service-accounts.key")}`,
      `--root-ca-file=${pki("ca.crt")}`,
      `--cluster-signing-cert-file=${pki("ca.crt")}`,
      `--cluster-signing-key-file=${pki("ca.key")}`,
      // Claims get a folder below /tmp/hostpath_pv, which is the cluster's own (machine.ts).
      "--enable-hostpath-provisioner=true",
    ]),
    ensureDaemon(machine, "kube-scheduler", connection("scheduler")),
  ]);
}
