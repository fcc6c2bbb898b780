// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import type { ClusterLayout } from "./layout.ts";

async function writeKubeconfig(layout: ClusterLayout, certificate: string, path: string): Promise<void> {
  const base64 = (file: string) => readFile(join(layout.pki, file), "base64");
  const { name } = layout;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [
      {
        name,
        cluster: {
          server: `https://${layout.address}:6443`,
          "certificate-authority-data": await base64("ca.crt"),
        },
      },
    ],
    users: [
      {
        name: `${name}-${certificate}`,
        user: {
          "client-certificate-data": await base64(`${certificate}.crt`),
          "client-key-data": await base64(`${certificate}.key`),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: `${name}-${certificate}` } }],
  };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, stringify(config, { lineWidth: 0 }), { mode: 0o600 });
}

/** Where a component of the cluster finds its own way to the API server. */
export function componentKubeconfig({ pki }: ClusterLayout, certificate: string): string {
  return join(pki, `${certificate}.yaml`);
}

/** One for each component, and the administrator's for kubectl, k9s and Pulumi. */
export async function writeKubeconfigs(layout: ClusterLayout): Promise<void> {
  const components = ["kubelet", "controller-manager", "scheduler", "proxy", "coredns"];
  await Promise.all([
    writeKubeconfig(layout, "admin", layout.kubeconfig),
    ...components.map((name) => writeKubeconfig(layout, name, componentKubeconfig(layout, name))),
  ]);
}
