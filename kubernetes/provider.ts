// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { isMap } from "../lib/merge.ts";
import { PlainError } from "../lib/plainError.ts";

const NAMESPACE = "kubernetes:";

/** All of the stack's `kubernetes:` keys, by their names without it: what Pulumi's own default provider would take. */
export function accessKeys(config: Readonly<Record<string, string>>): Record<string, string> {
  const keys = Object.entries(config).filter(([key]) => key.startsWith(NAMESPACE));
  return Object.fromEntries(keys.map(([key, value]) => [key.slice(NAMESPACE.length), value]));
}

/** Keys that Pulumi's provider takes as maps; in a stack's configuration they are JSON text. */
const MAPS = ["helmReleaseSettings", "kubeClientSettings"];

/**
 * The provider of the stack: as configured, but a changed Secret or ConfigMap is updated in place, not replaced.
 * @param identifier names the cluster, whatever its address: as long as it stays, a changed kubeconfig replaces no resource
 */
export function clusterProvider(
  keys: Readonly<Record<string, string>>,
  secretKeys: ReadonlySet<string>,
  identifier: string | undefined,
): k8s.Provider {
  const args = Object.entries(keys).map(([key, text]) => {
    const secret = secretKeys.has(NAMESPACE + key);
    const value =
      text === "true" || text === "false" ? text === "true" : MAPS.includes(key) ? parsedMap(key, text) : text;
    return [key, secret ? pulumi.secret(value) : value];
  });
  const ours = {
    enableSecretMutable: true,
    enableConfigMapMutable: true,
    ...(identifier === undefined ? {} : { clusterIdentifier: identifier }),
  };
  // an empty kubeconfig means what kubectl would use; left out, the SDK takes a whole KUBECONFIG=a:b for one file's name
  return new k8s.Provider("cluster", { kubeconfig: "", ...Object.fromEntries(args), ...ours });
}

/** @throws PlainError that names the key; the text may be a secret, and so may what the parser quotes of it: neither is shown */
function parsedMap(key: string, text: string): Record<string, unknown> {
  try {
    const map: unknown = JSON.parse(text);
    if (isMap(map)) return map;
  } catch {
    // said below
  }
  throw new PlainError(
    `${NAMESPACE}${key}: expected a map as JSON; came text that is none (not shown); ` +
      `next: pulumi config rm ${NAMESPACE}${key}, then set it again`,
  );
}
