// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { isIP } from "node:net";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PrimarySettings } from "../settings.ts";
import type { Certificates } from "./certificates.ts";
import { type Files, type KeyPair, LEAF_KEYS, LEAFS_TLS } from "./files.ts";
import { markOf, type StackMark } from "./nats.ts";
import { type Cluster, fullName } from "./release.ts";

/** Where servers find a certificate of somebody else's: below /etc, where the chart's reloader watches mounts. */
const OTHERS = "/etc/nats-leafs-tls";

/** The Secret with a certificate that this program does not make; undefined where it makes it. */
const othersSecret = ({ tls, release }: Pick<PrimarySettings, "tls" | "release">): string | undefined =>
  !tls.enabled ? undefined : (tls.secretName ?? (tls.issuerRef && `${fullName(release)}-leafs-tls`));

/** Whether servers show a certificate of the program's to edges. */
export const madeHere = (settings: PrimarySettings): boolean =>
  settings.tls.enabled && othersSecret(settings) === undefined;

/** Entries that servers are given. */
export const shownFiles = (settings: PrimarySettings, files: Files): Files =>
  madeHere(settings) ? files : Object.fromEntries(Object.entries(files).filter(([key]) => !LEAF_KEYS.includes(key)));

/** What servers show to leafs: entries of the Secret that they mount, another Secret, and the files by which their configuration names it. */
export function shown(settings: PrimarySettings) {
  const secretName = othersSecret(settings);
  const others: KeyPair = { cert_file: `${OTHERS}/tls.crt`, key_file: `${OTHERS}/tls.key` };
  return {
    files: madeHere(settings) ? LEAF_KEYS : [],
    secret: secretName === undefined ? undefined : { secretName, mountPath: OTHERS },
    tls: !settings.tls.enabled ? undefined : secretName === undefined ? LEAFS_TLS : others,
  };
}

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

/** The name of the Certificate that cert-manager is asked for, and of its Secret; undefined where it is asked for none. */
export const certificateAsked = (settings: Pick<PrimarySettings, "tls" | "release">): string | undefined =>
  settings.tls.issuerRef === undefined ? undefined : othersSecret(settings);

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
