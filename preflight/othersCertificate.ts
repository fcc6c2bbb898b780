// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import type { PrimarySettings } from "../config/settings.ts";
import type { Cluster } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { certificateOf, certificateTexts, parsed } from "../lib/pem.ts";
import { PlainError } from "../lib/plainError.ts";
import { daysLeft, WARN_DAYS } from "../nats/certificates.ts";

/**
 * Looks at the certificate that somebody else keeps for the leaf listener, before anything is changed: with one that does not fit, servers would not
 * start, or no edge would link, under a green `up`.
 * @param now milliseconds since 1970
 * @throws PlainError that names the Secret and all that is wrong with it
 */
export async function checkOthersCertificate(
  cluster: Cluster,
  { tls, hosts, namespace }: PrimarySettings,
  now = Date.now(),
): Promise<void> {
  const { secretName } = tls;
  if (!tls.enabled || secretName === undefined) return;
  const secret = await cluster.secret(namespace, secretName);
  const wrong = secret === undefined ? ["no such Secret"] : [...faultsOf(secret, tls.ca, hosts, now)];
  if (wrong.length > 0) {
    throw new PlainError(
      `ops-nats:tls.secretName: expected Secret ${secretName} in namespace ${namespace} of type kubernetes.io/tls, with a certificate for ${hosts.join(", ")}; ` +
        `came ${wrong.join("; ")}; nothing was changed; next: have it issued, or ${commands(cluster).unset("tls.secretName")} for one that the program makes, ` +
        `then ${commands(cluster).up}`,
    );
  }
  const days = daysLeft(new X509Certificate(secret?.["tls.crt"] ?? "").validTo, now);
  if (days < WARN_DAYS.others) {
    await pulumi.log.warn(
      `the certificate in Secret ${secretName} expires in ${days} days; edges then cannot connect any more`,
    );
  }
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

function* faultsOf(
  secret: Readonly<Record<string, string>>,
  given: string | undefined,
  hosts: readonly string[],
  now: number,
): Generator<string> {
  const { "tls.crt": chain, "tls.key": key, "ca.crt": kept } = secret;
  if (chain === undefined || key === undefined) {
    yield `entries ${Object.keys(secret).join(", ") || "none"}`;
    return;
  }
  const certificate = certificateOf(chain);
  const own = parsed(() => createPrivateKey(key));
  if (certificate === undefined) yield "a tls.crt that is no certificate in PEM";
  if (own === undefined) yield "a tls.key that is no private key in PEM without a passphrase";
  if (certificate === undefined) return;
  if (own !== undefined && !certificate.checkPrivateKey(own)) yield "a tls.key of another certificate";
  const missing = hosts.filter((host) =>
    // edges go by the alternative names alone
    isIP(host) === 0 ? !certificate.checkHost(host, { subject: "never" }) : !certificate.checkIP(host),
  );
  if (missing.length > 0) yield `no ${missing.join(", ")} among its names (${certificate.subjectAltName ?? "none"})`;
  const uses: readonly string[] | undefined = certificate.keyUsage;
  if (uses !== undefined && !uses.includes(SERVER_AUTH))
    yield "a certificate that is not for servers (extended key usage)";
  const ca = given ?? kept;
  if (ca && !signedBy(chain, ca))
    yield `a certificate that no CA of ${given ? "ops-nats:tls.ca" : "its ca.crt"} has signed`;
  if (Date.parse(certificate.validFrom) > now) yield `a certificate that is valid from ${certificate.validFrom}`;
  if (Date.parse(certificate.validTo) < now) yield `a certificate that expired at ${certificate.validTo}`;
}

const certificatesIn = (pem: string): readonly X509Certificate[] =>
  certificateTexts(pem).flatMap((one) => certificateOf(one) ?? []);

/** Whether one of the CAs has signed a certificate of the chain. */
const signedBy = (chain: string, authorities: string): boolean =>
  certificatesIn(chain).some((one) =>
    certificatesIn(authorities).some((ca) => one.checkIssued(ca) && one.verify(ca.publicKey)),
  );
