// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import type { Certificates } from "./certificates.ts";

/** Where the include file lies: a folder of its own below /etc, where the chart's reloader watches mounts. */
export const INCLUDE = { secret: "ops-nats-auth", key: "ops-nats.conf", folder: "nats-auth" };

/** The entry of that Secret from which keys and certificates are made anew where a state was lost; no pod mounts it. */
export const ROOT_KEY = "root-key";

/** Where a server finds an entry of that Secret. */
export const inPod = (key: string): string => `/etc/${INCLUDE.folder}/${key}`;

/** A certificate and its key, as a server is told of them: absolute paths. */
export interface KeyPair {
  readonly cert_file: string;
  readonly key_file: string;
}

/** Entries of the Secret with what servers show to leafs. */
const LEAFS = { certificate: "leafs.crt", key: "leafs.key" };
/** By which a leaf knows them. */
export const LEAFS_CA = "leafs-ca.crt";
/** What servers of one cluster show to each other, and by which they know it. */
const ROUTES = { certificate: "routes.crt", key: "routes.key", authorities: "routes-ca.crt" };

export const LEAFS_TLS: KeyPair = { cert_file: inPod(LEAFS.certificate), key_file: inPod(LEAFS.key) };
/** Seconds that a handshake may take: thousands come at a time when a primary is back. */
export const HANDSHAKE = 10;
export const ROUTES_TLS = {
  cert_file: inPod(ROUTES.certificate),
  key_file: inPod(ROUTES.key),
  ca_file: inPod(ROUTES.authorities),
  timeout: HANDSHAKE,
};

/** Entries of the Secret that lie beside the include file, so that a server sees them change together with it. */
export type Files = Readonly<Record<string, string>>;

export const leafFiles = ({ certificate, key }: Certificates): Files => ({
  [LEAFS.certificate]: certificate,
  [LEAFS.key]: key,
});

export const routeFiles = ({ certificate, key, authorities }: Certificates): Files => ({
  [ROUTES.certificate]: certificate,
  [ROUTES.key]: key,
  [ROUTES.authorities]: authorities,
});

/** Names of the entries: what a pod mounts is known before they are made. */
export const LEAF_KEYS: readonly string[] = Object.values(LEAFS);
export const ROUTE_KEYS: readonly string[] = Object.values(ROUTES);

/** A line of an include file that changes with what lies beside it, so that servers reload it, and tell that they have. */
export function filesLine(files: Files): string {
  const names = Object.keys(files).sort();
  if (names.length === 0) return "";
  const hash = createHash("sha256");
  for (const name of names) hash.update(JSON.stringify([name, files[name]]));
  return `# beside it: ${names.join(", ")} (${hash.digest("hex").slice(0, 16)})\n`;
}
