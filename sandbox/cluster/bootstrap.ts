// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Api } from "./api.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const group = "rbac.authorization.k8s.io";

/** What kubeadm or a cloud would put into a new cluster, as far as ours needs it. */
export async function bootstrap(api: Api): Promise<void> {
  await Promise.all([
    // The API server asks the kubelet for logs, exec and port-forward.
    bind(api, "sandbox:kube-apiserver", "system:kubelet-api-admin", "kube-apiserver"),
    api
      .create(`${rbac}/clusterroles`, {
        apiVersion: `${group}/v1`,
        kind: "ClusterRole",
        metadata: { name: "system:coredns" },
        rules: [
          { apiGroups: [""], resources: ["services", "namespaces"], verbs: ["list", "watch"] },
          { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
        ],
      })
      .then(() => bind(api, "system:coredns", "system:coredns", "system:coredns")),
    api.create("/apis/storage.k8s.io/v1/storageclasses", {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "standard", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "kubernetes.io/host-path",
      // As most classes have it. With Immediate the scheduler may miss that a claim was bound, and looks again 5 minutes later.
      volumeBindingMode: "WaitForFirstConsumer",
      // A claim may ask for more; nothing has to be done for it, for a folder has no size of its own.
      allowVolumeExpansion: true,
    }),
  ]);
}

async function bind(api: Api, name: string, role: string, user: string): Promise<void> {
  await api.create(`${rbac}/clusterrolebindings`, {
    apiVersion: `${group}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name },
    roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: group, kind: "User", name: user }],
  });
}
