// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PrimarySettings } from "../config/settings.ts";
import type { Cluster, RunningServers } from "../kubernetes/port.ts";
import { assertTaken, type OutputsOf, type Signing } from "../link/authoritiesTaken.ts";
import type { LeafLink } from "../link/leafLink.ts";
import { type Certificates, certificates } from "../nats/certificates.ts";
import { LEAF_KEYS, leafFiles, ROUTE_KEYS } from "../nats/files.ts";
import { madeHere, shownFiles } from "../nats/leafTls.ts";
import { ADMIN, APP, CONTROLLER, ROOT } from "../nats/logins.ts";
import type { StackMark } from "../nats/names.ts";
import { edgeNkey } from "../nats/nkeys.ts";
import { includeText, logins, planOf, primaryValues, stores, urlHost } from "../nats/primaryConfig.ts";
import { routeCertificates } from "../nats/routes.ts";
import { Controller } from "./controller.ts";
import { newPassword, newRoute } from "./credentials.ts";
import { authorities, issued } from "./leafCertificate.ts";
import { leafService } from "./leafService.ts";
import { NatsServer } from "./natsServer.ts";

export interface PrimaryArgs {
  readonly settings: PrimarySettings;
  readonly cluster: Cluster;
  readonly mark: StackMark;
  /** Of the Helm release, see {@link NatsServerArgs}. */
  readonly description: string;
  /** Passwords of a former state, by user, where this one goes on with them. */
  readonly adopted?: Readonly<Record<string, string>> | undefined;
  /** Edges whose accounts its servers have, listed or not. */
  readonly knownEdges?: readonly string[];
  /** What the stack's last `up` put out; undefined where there was none. */
  readonly lastOutputs?: Readonly<Record<string, unknown>> | undefined;
  /** Reads those of edges. */
  readonly outputsOf: OutputsOf;
  /** The servers that run; undefined where none do. */
  readonly running?: Pick<RunningServers, "replicas"> | undefined;
}

/** The primary: a NATS server with a leaf listener, a login for every edge that may connect, with persistence the streams. */
export class Primary extends pulumi.ComponentResource {
  readonly server: NatsServer;
  readonly adminPassword: pulumi.Output<string>;
  readonly appPassword: pulumi.Output<string>;
  readonly controller: Controller;
  readonly leafLink: LeafLink;
  /** For clients outside, without credentials; undefined without a `clientPort`. */
  readonly publicClientUrl: string | undefined;

  constructor(name: string, args: PrimaryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ops-nats:index:Primary", name, {}, opts);
    const { settings, cluster, mark, description, adopted = {}, knownEdges = [], lastOutputs = {}, outputsOf } = args;
    const { hosts, leafPort, clientPort, namespace, chart, persistence, images, replicas, timeoutSeconds } = settings;
    const parent = { parent: this };
    this.adminPassword = newPassword(`${name}-admin`, parent, adopted[ADMIN]);
    this.appPassword = newPassword(`${name}-app`, parent, adopted[APP]);
    const controllerPassword = persistence && newPassword(`${name}-controller`, parent, adopted[CONTROLLER]);
    const route = newRoute(`${name}-route`, settings, parent, adopted);
    const rootKey = newPassword(`${name}-root`, parent, adopted[ROOT]);
    const nkeys = rootKey.apply((root) =>
      Object.fromEntries(settings.edges.map(({ name: edge }) => [edge, edgeNkey(root, edge)])),
    );
    const { leafCa } = lastOutputs;
    const former = { handedOut: typeof leafCa === "string" ? leafCa : undefined, stack: cluster.stack };
    const leafs = rootKey.apply((root) => leafCertificates(root, settings, former, outputsOf));
    const texts = pulumi.secret(
      pulumi.all([rootKey, leafs]).apply(async ([root, made]) => ({
        ...leafFiles(made),
        ...(await routeCertificates(root, settings)),
      })),
    );
    const include = pulumi.secret(
      pulumi
        .all([this.adminPassword, this.appPassword, controllerPassword, nkeys, route, texts])
        .apply(([admin, app, controller, leafs, route, files]) =>
          includeText(settings, knownEdges, {
            admin,
            app,
            controller,
            leafs,
            route,
            files: shownFiles(settings, files),
          }),
        ),
    );
    const { adminPassword, appPassword } = this;
    const values = primaryValues(settings);
    // also where they are not shown: pods that are about to go still mount them
    const files = { keys: [...LEAF_KEYS, ...(replicas > 1 ? ROUTE_KEYS : [])], texts };
    const secrets = { include, adminPassword, appPassword, controllerPassword, rootKey, files };
    const release = { mark, description, chart, values, timeoutSeconds };
    const login = controllerPassword && {
      ...{ user: CONTROLLER, passwordKey: "controller-password", password: controllerPassword },
    };
    const controller = (dependsOn: pulumi.Resource[]) =>
      new Controller(
        name,
        {
          namespace,
          mark,
          images,
          values: settings.values,
          plan: planOf(settings),
          login,
          replicas,
          timeoutSeconds,
          cluster,
        },
        { ...parent, dependsOn },
      );
    const ahead = isGrowing(settings, args.running) ? controller([]) : undefined;
    const before = ahead === undefined ? [] : [ahead.deployment];
    this.server = new NatsServer(name, { namespace, ...release, ...secrets, cluster, before }, parent);
    const after = { ...parent, dependsOn: [this.server] };
    new k8s.core.v1.Service(`${name}-leaf`, leafService(settings, mark), { ...after, deleteBeforeReplace: true });
    issued(name, settings, mark, { ...parent, dependsOn: [this.server.patch] });
    this.controller = ahead ?? controller([this.server]);
    const scheme = settings.tls.enabled ? "tls" : "nats-leaf";
    this.leafLink = {
      urls: hosts.map((host) => `${scheme}://${urlHost(host)}:${leafPort}`),
      ca: authorities(settings, cluster, { made: leafs, ready: this.server.clientUrl }),
      certificateEnds: madeHere(settings) ? pulumi.unsecret(leafs.apply(({ ends }) => ends)) : undefined,
      // not before the servers know it: an edge that took it earlier had no link
      credentials: pulumi.all([nkeys, this.server.clientUrl]).apply(([keys]) => logins(settings, keys)),
      stores: stores(settings),
    };
    this.publicClientUrl = clientPort === 0 ? undefined : `nats://${urlHost(hosts[0])}:${clientPort}`;
    this.registerOutputs({});
  }
}

/**
 * Whether servers are to join a cluster of three or more. Its controller is then told first: a server's own stream is there before clients reach it. (The
 * streams of a lone server cannot be those of three yet, and what is taken away is taken off the intake when it is gone.)
 */
const isGrowing = ({ persistence, replicas }: PrimarySettings, running: PrimaryArgs["running"]): boolean =>
  persistence !== undefined && running !== undefined && running.replicas >= 3 && replicas > running.replicas;

/** What its servers show to edges, once no edge is left behind by the CA that signs it. */
async function leafCertificates(
  rootKey: string,
  settings: PrimarySettings,
  former: Pick<Signing, "handedOut" | "stack">,
  outputsOf: OutputsOf,
): Promise<Certificates> {
  const made = await certificates(rootKey, "leafs", settings.hosts);
  const edges = settings.edges.map(({ name }) => name);
  if (madeHere(settings)) await assertTaken({ ...former, authorities: made.authorities, edges }, outputsOf);
  return made;
}
