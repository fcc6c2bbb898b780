// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import type { EdgeSettings } from "../config/settings.ts";
import { serverValues } from "./chartValues.ts";
import type { EdgeLink } from "./edgeLogin.ts";
import { inPod, LEAFS_CA } from "./files.ts";
import { LEAF_PORT_VARIABLE, LEAF_TARGET_PORT } from "./natsConf.ts";
import { reloadsRemotes, serverVersion } from "./serverVersion.ts";
import { edgePlan } from "./streams.ts";
import type { EdgeExtras } from "./users.ts";

/** The chart's values of an edge. It has no listener for leafs: its remote stands in the include file. */
export function edgeValues(settings: EdgeSettings, link: EdgeLink) {
  const claim = link.store && settings.persistence;
  // what a lone server has handed on must be on its disk: after a power cut it would give the same numbers to other events
  const sync = settings.replicas === 1 ? "always" : "10s";
  const files = link.ca === "" ? [] : [LEAFS_CA];
  const server = { ...settings, cluster: settings.edge, claim, sync, files, restartKey: restartKey(settings, link) };
  const env = {
    ...(settings.leafPort === undefined ? {} : { [LEAF_PORT_VARIABLE]: String(LEAF_TARGET_PORT) }),
    // so that a plain link goes on when the primary asks for TLS, until the edge's own next `up`: what the image trusts is still trusted
    ...(link.ca === "" || isEncrypted(link) ? {} : { SSL_CERT_FILE: inPod(LEAFS_CA) }),
  };
  return serverValues(server, Object.keys(env).length === 0 ? {} : { container: { env } }, settings.values);
}

export const extrasOf = ({ extraAccounts, extraRemotes, leafPort }: EdgeSettings): EdgeExtras => ({
  accounts: extraAccounts,
  remotes: extraRemotes,
  listens: leafPort !== undefined,
});

/** The streams of an edge; undefined where it stores nothing. */
export function planOf({ edge, persistence, replicas }: EdgeSettings, { store }: EdgeLink) {
  return store && edgePlan({ ...store, edge, claim: persistence, retention: store, replicas });
}

/**
 * Servers before 2.14 refuse a reload that changes a remote. 64 bits of a hash over the 256 secret ones of the link's key tell nothing of
 * them, nor of what is hashed with them.
 */
function restartKey({ images, extraRemotes }: EdgeSettings, { urls, seed, ca }: EdgeLink): string | undefined {
  const version = serverVersion(images.nats.tag);
  if (version && reloadsRemotes(version)) return undefined;
  return createHash("sha256")
    .update(JSON.stringify([urls, seed, ca === "", ...extraRemotes]))
    .digest("hex")
    .slice(0, 16);
}

const isEncrypted = ({ urls }: Pick<EdgeLink, "urls">): boolean => urls.every((url) => url.startsWith("tls:"));
