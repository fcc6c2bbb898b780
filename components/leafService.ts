// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type * as k8s from "@pulumi/kubernetes";
import { fullName, markOf, type StackMark } from "../nats/names.ts";
import { LEAF_TARGET_PORT } from "../nats/natsConf.ts";

interface LeafPort {
  readonly namespace: string;
  readonly release: string;
  readonly leafPort: number;
}

/** The leaf port has a Service of its own, so that the client port can be opened, closed and changed beside it. */
export const leafService = ({ namespace, release, leafPort }: LeafPort, mark: StackMark): k8s.core.v1.ServiceArgs => ({
  metadata: {
    name: `${fullName(release)}-leaf`,
    namespace,
    labels: { "app.kubernetes.io/part-of": "ops-nats" },
    // its pods are ready by then: Helm has waited for them, and Pulumi would look for ten seconds more
    annotations: { "pulumi.com/patchForce": "true", "pulumi.com/skipAwait": "true", ...markOf(mark) },
  },
  spec: {
    type: "NodePort",
    selector: {
      "app.kubernetes.io/component": "nats",
      "app.kubernetes.io/instance": release,
      "app.kubernetes.io/name": "nats",
    },
    ports: [{ name: "leafnodes", port: LEAF_TARGET_PORT, targetPort: LEAF_TARGET_PORT, nodePort: leafPort }],
  },
});
