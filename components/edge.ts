// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { DEFAULT_IMAGES } from "../defaults.ts";
import { MAJORITY } from "../faults.ts";
import type { EdgeSettings } from "../settings.ts";
import { WARN_DAYS } from "./certificates.ts";
import { clusterNames, watchedSubject } from "./clusterNames.ts";
import { Controller } from "./controller.ts";
import { type Files, inPod, LEAFS_CA, ROUTE_KEYS } from "./files.ts";
import type { EdgeLink } from "./leafLink.ts";
import { LEAF_TARGET_PORT, leafService } from "./leafService.ts";
import { ADMIN, APP, newPassword, newRoute, ROOT, WATCH } from "./logins.ts";
import { NatsServer, type StackMark } from "./nats.ts";
import { type EdgeExtras, edgeConf, LEAF_PORT_VARIABLE } from "./natsConf.ts";
import { PlainError } from "./plainError.ts";
import type { Cluster } from "./release.ts";
import { routeCertificates } from "./routes.ts";
import { keepsStreams, reloadsRemotes, STORING, serverVersion } from "./serverVersion.ts";
import { edgePlan, NO_STREAMS } from "./streams.ts";
import { serverValues } from "./values.ts";

export interface EdgeArgs {
  readonly settings: EdgeSettings;
  /** What the primary offers this edge. */
  readonly link: EdgeLink;
  readonly cluster: Cluster;
  readonly mark: StackMark;
  /** Of the Helm release, see {@link NatsServerArgs}. */
  readonly description: string;
  /** Passwords of a former state, by user, where this one goes on with them. */
  readonly adopted?: Readonly<Record<string, string>> | undefined;
}

/** An edge: a NATS server that is a leaf of the primary. */
export class Edge extends pulumi.ComponentResource {
  readonly server: NatsServer;
  readonly adminPassword: pulumi.Output<string>;
  readonly appPassword: pulumi.Output<string>;
  /** It counts events under names that are not carried, too. */
  readonly controller: Controller;

  constructor(
    name: string,
    { settings, link, cluster, mark, description, adopted = {} }: EdgeArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("ops-nats:index:Edge", name, {}, opts);
    const parent = { parent: this };
    this.adminPassword = newPassword(`${name}-admin`, parent, adopted[ADMIN]);
    this.appPassword = newPassword(`${name}-app`, parent, adopted[APP]);
    const watchPassword = newPassword(`${name}-watch`, parent, adopted[WATCH]);
    const route = newRoute(`${name}-route`, settings, parent, adopted);
    const rootKey = settings.replicas > 1 ? newPassword(`${name}-root`, parent, adopted[ROOT]) : undefined;
    const own: Files = link.ca === "" ? {} : { [LEAFS_CA]: link.ca };
    const texts = pulumi.secret(
      rootKey?.apply(async (root) => ({ ...own, ...(await routeCertificates(root, settings)) })) ?? own,
    );
    const names = clusterNames(settings, link);
    const include = pulumi.secret(
      pulumi.all([this.adminPassword, this.appPassword, watchPassword, route, texts]).apply((made) => {
        const [admin, app, watch, route, files] = made;
        const logins = { admin: { user: ADMIN, password: admin }, app: { user: APP, password: app }, route, files };
        const naming = { names, watch: { user: WATCH, password: watch } };
        return edgeConf(logins, link, link.store !== undefined, naming, extrasOf(settings));
      }),
    );
    const { namespace, chart, images, replicas, timeoutSeconds } = settings;
    const values = edgeValues(settings, link);
    this.server = new NatsServer(
      name,
      {
        ...{ namespace, mark, description, chart, values, include, cluster, timeoutSeconds },
        ...{ adminPassword: this.adminPassword, appPassword: this.appPassword, watchPassword, rootKey },
        files: { keys: [...Object.keys(own), ...(rootKey ? ROUTE_KEYS : [])], texts },
      },
      parent,
    );
    const plan = {
      ...(planOf(settings, link) ?? NO_STREAMS),
      watch: { edge: names.edge, subject: watchedSubject(names) },
      ...(replicas > 1 ? { certificates: { cluster: WARN_DAYS.own } } : {}),
    };
    const watch = { user: WATCH, passwordKey: "watch-password", password: watchPassword };
    const login = link.store ? { user: APP, passwordKey: "app-password", password: this.appPassword } : undefined;
    const after = { ...parent, dependsOn: [this.server] };
    const { leafPort, release } = settings;
    if (leafPort !== undefined) {
      new k8s.core.v1.Service(`${name}-leaf`, leafService({ namespace, release, leafPort }, mark), {
        ...after,
        deleteBeforeReplace: true,
      });
    }
    this.controller = new Controller(
      name,
      { namespace, mark, images, values: settings.values, plan, login, watch, replicas, timeoutSeconds, cluster },
      after,
    );
    this.registerOutputs({ server: this.server, adminPassword: this.adminPassword, appPassword: this.appPassword });
  }
}

/**
 * What the primary asks of an edge that stores, and this one's own settings do not allow.
 * @throws PlainError with one line
 */
export function checkStore(settings: EdgeSettings, { store }: EdgeLink, stack = settings.edge): void {
  const { replicas, images, primaryStack } = settings;
  if (!store) return;
  const { tag } = images.nats;
  const key = "images.nats.tag";
  if (!keepsStreams(tag)) {
    throw new PlainError(
      `ops-nats:${key} of stack ${stack}: expected ${STORING} (${primaryStack} has this edge store its events); came ${tag}; ` +
        `next: pulumi config set --path 'ops-nats:${key}' ${DEFAULT_IMAGES.nats.tag} -s ${stack} && pulumi up -s ${stack}`,
    );
  }
  if (replicas === 2) {
    throw new PlainError(
      `ops-nats:replicas of stack ${stack}: expected ${MAJORITY}; came 2; ` +
        `next: pulumi config set ops-nats:replicas 3 -s ${stack} && pulumi up -s ${stack}`,
    );
  }
}

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

const extrasOf = ({ extraAccounts, extraRemotes, leafPort }: EdgeSettings): EdgeExtras => ({
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
