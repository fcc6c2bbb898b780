// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { ReleasePlace } from "../kubernetes/port.ts";
import { firstLine } from "../lib/plainError.ts";

/** Lets the servers see a changed Secret at once. Where that fails they see it within two minutes, by themselves. */
export async function wakeServers({ cluster, namespace, release }: ReleasePlace): Promise<void> {
  await cluster.touchPods(namespace, release).catch((error: Error) => {
    const what = `could not wake the servers in ${namespace} (${firstLine(error)})`;
    return pulumi.log.warn(
      `${what}; they take the change in within two minutes, when the kubelet refreshes the Secret`,
    );
  });
}
