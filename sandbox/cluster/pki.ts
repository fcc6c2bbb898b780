// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";
import type { ClusterLayout } from "./layout.ts";

interface Certificate {
  readonly commonName: string;
  readonly organization?: string;
  /** As openssl writes them: `IP:10.89.0.11`. With names it may serve as well. */
  readonly names?: readonly string[];
}

/** Who is who in a cluster. RBAC knows the users `system:...` from the start; the bindings of the other two are in bootstrap.ts. */
function certificates({ name, address, serviceAddress }: ClusterLayout): Readonly<Record<string, Certificate>> {
  const services = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
  ];
  const names = [...services, "localhost", name].map((service) => `DNS:${service}`);
  return {
    apiserver: {
      commonName: "kube-apiserver",
      names: [...names, `IP:${address}`, `IP:${serviceAddress}`, "IP:127.0.0.1"],
    },
    kubelet: {
      commonName: `system:node:${name}`,
      organization: "system:nodes",
      names: [`DNS:${name}`, `IP:${address}`],
    },
    admin: { commonName: "admin", organization: "system:masters" },
    "controller-manager": { commonName: "system:kube-controller-manager" },
    scheduler: { commonName: "system:kube-scheduler" },
    proxy: { commonName: "system:kube-proxy" },
    coredns: { commonName: "system:coredns" },
  };
}

function request({ commonName, organization, names }: Certificate, extensions: readonly string[]): string {
  return [
    "[req]",
    "distinguished_name = dn",
    "prompt = no",
    "x509_extensions = extensions",
    "[dn]",
    ...(organization === undefined ? [] : [`O = ${organization}`]),
    `CN = ${commonName}`,
    "[extensions]",
    ...extensions,
    ...(names === undefined ? [] : [`subjectAltName = ${names.join(",")}`]),
    "",
  ].join("\n");
}

/** Makes `<name>.crt` and `<name>.key` in `folder`, signed by itself or by another there. */
async function issue(folder: string, name: string, text: string, by?: string): Promise<void> {
  const file = (suffix: string) => join(folder, suffix);
  await writeFile(file(`${name}.cnf`), text);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365"];
  const signer = by === undefined ? [] : ["-CA", file(`${by}.crt`), "-CAkey", file(`${by}.key`)];
  const out = ["-keyout", file(`${name}.key`), "-out", file(`${name}.crt`)];
  await run("openssl", ["req", "-x509", "-config", file(`${name}.cnf`), ...key, ...signer, ...out]);
}

/** An authority of the cluster's own and what it signs, new with every cluster, in `layout.pki`. */
export async function makeCertificates(layout: ClusterLayout): Promise<void> {
  const { name, pki } = layout;
  await mkdir(pki, { recursive: true, mode: 0o700 });
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "sec1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  await writeFile(join(pki, "service-accounts.key"), privateKey, { mode: 0o600 });
  await writeFile(join(pki, "service-accounts.pub"), publicKey);

  const authority = ["basicConstraints = critical,CA:TRUE", "keyUsage = critical,digitalSignature,keyCertSign"];
  await issue(pki, "ca", request({ commonName: `ops-nats-sandbox ${name}` }, authority));
  const signed = Object.entries(certificates(layout)).map(([name, certificate]) => {
    const extensions = [
      "basicConstraints = critical,CA:FALSE",
      "keyUsage = critical,digitalSignature",
      `extendedKeyUsage = clientAuth${certificate.names === undefined ? "" : ",serverAuth"}`,
    ];
    return issue(pki, name, request(certificate, extensions), "ca");
  });
  await Promise.all(signed);
}
