// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { execa } from "execa";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import type { Toolchain } from "../../../sandbox/toolchain/toolchain.ts";

export async function kubectl(tools: Toolchain, cluster: string, args: string[], input = ""): Promise<string> {
  const options = ["--kubeconfig", layoutOf(cluster).kubeconfig];
  const { stdout } = await execa(tools.program("kubectl"), [...options, ...args], { input });
  return stdout;
}

/** A pod with a claim, a log and a NodePort: containers, mounts, network namespaces and rules that could be left behind. */
export async function deployShop(tools: Toolchain, cluster: string): Promise<void> {
  await kubectl(tools, cluster, ["apply", "--filename=-"], shop);
  await kubectl(tools, cluster, ["wait", "--for=condition=Ready", "pod/shop", "--timeout=60s"]);
}

/** A small workload that uses what a cluster offers: a claim, a log, a Service with a NodePort. */
const shop = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: goods }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
---
apiVersion: v1
kind: Service
metadata: { name: shop-front }
spec: { type: NodePort, selector: { app: shop }, ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: shop, labels: { app: shop } }
spec:
  containers:
    - name: shop
      image: natsio/nats-box:0.14.5
      command: [sh, -c, "echo open; echo apples >/goods/index.html; exec httpd -f -p 8080 -h /goods"]
      readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 }
      volumeMounts: [{ name: goods, mountPath: /goods }]
  volumes: [{ name: goods, persistentVolumeClaim: { claimName: goods } }]
`;
