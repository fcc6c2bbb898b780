// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { isIP } from "node:net";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PrimarySettings } from "../config/settings.ts";
import type { Cluster } from "../kubernetes/port.ts";
import type { Certificates } from "../nats/certificates.ts";
import { certificateAsked, othersSecret } from "../nats/leafTls.ts";
import { markOf, type StackMark } from "../nats/names.ts";

interface Known {
  readonly made: pulumi.Output<Certificates>;
  /** Resolved when servers run, and so every Secret that they mount is there. */
  readonly ready: pulumi.Output<unknown>;
}

/**
 * By which edges know the servers: the program's own CAs always, so that they are known before it makes certificates again. Those of somebody else's certificate are known when
 * its Secret is there; where nobody names them, edges go by what their images trust.
 */
export function authorities(
  { tls, namespace, release }: PrimarySettings,
  cluster: Cluster,
  { made, ready }: Known,
): pulumi.Output<string> {
  const secret = othersSecret({ tls: { ...tls, enabled: true }, release });
  const theirs =
    tls.ca !== undefined || secret === undefined
      ? pulumi.output(tls.ca)
      : ready.apply(async () => (await cluster.secret(namespace, secret))?.["ca.crt"]);
  return pulumi.unsecret(
    pulumi
      .all([made, theirs])
      .apply(([{ authorities: own }, ca]) => (secret !== undefined && !ca ? "" : `${own}${ca ?? ""}`)),
  );
}

/** What cert-manager is asked for (https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.Certificate); it renews it by itself. */
export function issued(
  name: string,
  settings: PrimarySettings,
  mark: StackMark,
  opts: pulumi.CustomResourceOptions,
): void {
  const { tls, hosts, namespace } = settings;
  const secretName = certificateAsked(settings);
  if (secretName === undefined || tls.issuerRef === undefined) return;
  new k8s.apiextensions.CustomResource(
    `${name}-leafs-certificate`,
    {
      apiVersion: "cert-manager.io/v1",
      kind: "Certificate",
      metadata: { name: secretName, namespace, annotations: { "pulumi.com/patchForce": "true", ...markOf(mark) } },
      spec: {
        secretName,
        dnsNames: hosts.filter((host) => isIP(host) === 0),
        ipAddresses: hosts.filter((host) => isIP(host) !== 0),
        usages: ["digital signature", "key encipherment", "server auth"],
        issuerRef: tls.issuerRef,
      },
    },
    opts,
  );
}
