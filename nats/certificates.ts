// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash, createPublicKey, type KeyObject, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type * as X509 from "@peculiar/x509";
import { derived, ed25519 } from "./derived.ts";

/** `leafs`: servers show them to edges; `routes`: servers of one cluster show them to each other, at both ends. */
export type Purpose = "leafs" | "routes";

/** What servers show, and by what the other end knows it; all in PEM. */
export interface Certificates {
  /** Valid for the names; its key is `key`. */
  readonly certificate: string;
  readonly key: string;
  /** The day from which nobody takes it any more, `2030-01-31`. */
  readonly ends: string;
  /**
   * The CA that has signed it, and the one that signs next: so who has these trusts the next one before it comes. Of routes the one before, too:
   * servers take up another certificate one by one.
   */
  readonly authorities: string;
}

/**
 * Days for which certificates are valid, and after which another one takes their place, with the first `up` after that. What is valid is counted from 1970 in
 * such epochs, not from when somebody runs the program, so that previews show a change only where there is one. A CA signs for one epoch, is
 * trusted from one before, and ends with the last that it has signed.
 */
export const EPOCHS = { certificate: { valid: 1460, renewed: 730 }, authority: { valid: 3650, renewed: 1460 } };

/** Days before its end at which a certificate is warned of: one that each `up` renews two years before, and one that others do, as cert-manager weeks before. */
export const WARN_DAYS = { own: 180, others: 7 };

const DAY = 86_400_000;

/** Whole days until a date that is text; negative after it. @param now milliseconds since 1970 */
export const daysLeft = (end: string, now: number): number => Math.floor((Date.parse(end) - now) / DAY);

/**
 * Certificates as a pure function: the same byte for byte for the same root key, names and epoch, on every machine, so that nothing is kept but the
 * root key.
 * @param names DNS names and IP addresses at which the other end dials
 * @param now milliseconds since 1970
 */
export async function certificates(
  rootKey: string,
  purpose: Purpose,
  names: readonly string[],
  now = Date.now(),
): Promise<Certificates> {
  const x509 = await library();
  const epoch = Math.floor(now / (EPOCHS.authority.renewed * DAY));
  const of = (one: number) => authority(x509, rootKey, purpose, one);
  const [own, ...others] = await Promise.all([
    of(epoch),
    of(epoch + 1),
    ...(purpose === "routes" ? [of(epoch - 1)] : []),
  ]);
  const since = Math.floor(now / (EPOCHS.certificate.renewed * DAY)) * EPOCHS.certificate.renewed * DAY;
  const subject = await pair(derived(rootKey, `certificate of ${purpose} ${since}`));
  const { digitalSignature } = x509.KeyUsageFlags;
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certificate = await x509.X509CertificateGenerator.create({
    ...dated(since, EPOCHS.certificate),
    serialNumber: serial([purpose, since, own.epoch, ...names]),
    issuer: own.name,
    subject: `CN=ops-nats ${purpose}`,
    publicKey: subject.publicKey,
    signingKey: own.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(purpose === "routes" ? [serverAuth, clientAuth] : [serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        [...new Set(names)].map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: plain(name) })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(subject.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(own.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: String(subject.node.export({ format: "pem", type: "pkcs8" })),
    ends: certificate.notAfter.toISOString().slice(0, 10),
    authorities: [own, ...others].map(({ pem }) => `${pem}\n`).join(""),
  };
}

const ALGORITHM = { name: "Ed25519" };

/** An IPv6 address without the dots that its end may have: the library takes those for hexadecimal. */
const plain = (name: string): string => (isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name);

/** What all have in common; they begin a day early, for clocks that are behind. */
const dated = (since: number, { valid }: { readonly valid: number }) => ({
  notBefore: new Date(since - DAY),
  notAfter: new Date(since + valid * DAY),
  signingAlgorithm: ALGORITHM,
});

/** The CA of an epoch. */
async function authority(x509: typeof X509, rootKey: string, purpose: Purpose, epoch: number) {
  const { node, ...keys } = await pair(derived(rootKey, `CA of ${purpose} ${epoch}`));
  const name = `CN=ops-nats CA of ${purpose} ${epoch}`;
  const since = (epoch - 1) * EPOCHS.authority.renewed * DAY;
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  const certificate = await x509.X509CertificateGenerator.create({
    ...dated(since, EPOCHS.authority),
    serialNumber: serial([purpose, epoch, "CA"]),
    issuer: name,
    subject: name,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { ...keys, name, epoch, pem: certificate.toString("pem") };
}

/** A key pair as Node and as WebCrypto know it. */
async function pair(secret: Buffer) {
  const node = ed25519(secret);
  const spki: KeyObject = createPublicKey(node);
  const [privateKey, publicKey] = await Promise.all([
    webcrypto.subtle.importKey("pkcs8", node.export({ format: "der", type: "pkcs8" }), ALGORITHM, false, ["sign"]),
    webcrypto.subtle.importKey("spki", spki.export({ format: "der", type: "spki" }), ALGORITHM, true, ["verify"]),
  ]);
  return { node, privateKey, publicKey };
}

/** A serial number of 16 bytes, hexadecimal, positive (RFC 5280, 4.1.2.2): of what is certified, for a random one would change with every run. */
function serial(of: readonly unknown[]): string {
  const hash = createHash("sha256").update(JSON.stringify(of)).digest();
  hash[0] = ((hash[0] ?? 0) & 0x7f) | 0x40;
  return hash.subarray(0, 16).toString("hex");
}

/** A third of a second to load, so only where it is used. */
async function library(): Promise<typeof X509> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto as unknown as typeof globalThis.crypto);
  return x509;
}
