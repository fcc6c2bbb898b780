// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PrimarySettings } from "../settings.ts";
import type { LeafLink } from "./leafLink.ts";
import { ADMIN, APP, newPassword } from "./logins.ts";
import { NatsServer } from "./nats.ts";
import { eventSubjects, primaryConf } from "./natsConf.ts";
import { type Cluster, RELEASE } from "./release.ts";
import { listenerValues, serverValues } from "./values.ts";

export interface PrimaryArgs {
  readonly settings: PrimarySettings;
  readonly cluster: Cluster;
}

/** The primary: a NATS server with a leaf listener, a password for every edge that may connect. */
export class Primary extends pulumi.ComponentResource {
  readonly server: NatsServer;
  readonly adminPassword: pulumi.Output<string>;
  readonly appPassword: pulumi.Output<string>;
  readonly leafLink: LeafLink;
  /** For clients outside, without credentials; undefined without a `clientPort`. */
  readonly publicClientUrl: string | undefined;

  constructor(name: string, { settings, cluster }: PrimaryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ops-nats:index:Primary", name, {}, opts);
    const { hosts, leafPort, clientPort, namespace, chart } = settings;
    const parent = { parent: this };
    this.adminPassword = newPassword(`${name}-admin`, parent);
    this.appPassword = newPassword(`${name}-app`, parent);
    const passwords = pulumi.all(
      Object.fromEntries(settings.edges.map((edge) => [edge.name, newPassword(`${name}-leaf-${edge.name}`, parent)])),
    );
    const include = pulumi
      .all([this.adminPassword, this.appPassword, passwords])
      .apply(([admin, app, leafs]) => includeText(settings, admin, app, leafs));
    const { appPassword } = this;
    const values = primaryValues(settings);
    this.server = new NatsServer(name, { namespace, chart, values, include, appPassword, cluster }, parent);
    if (clientPort === 0)
      new k8s.core.v1.Service(`${name}-leaf`, leafService(settings), { ...parent, dependsOn: [this.server] });
    this.leafLink = {
      urls: hosts.map((host) => `nats-leaf://${urlHost(host)}:${leafPort}`),
      credentials: logins(passwords),
    };
    this.publicClientUrl = clientPort === 0 ? undefined : `nats://${urlHost(hosts[0])}:${clientPort}`;
    this.registerOutputs({
      server: this.server,
      adminPassword: this.adminPassword,
      appPassword: this.appPassword,
      leafLink: this.leafLink,
      publicClientUrl: this.publicClientUrl,
    });
  }
}

/** The chart's values of a primary. */
export function primaryValues(settings: PrimarySettings) {
  const { hosts, leafPort, clientPort, values } = settings;
  const advertise = `${urlHost(hosts[0])}:${leafPort}`;
  const server = { ...settings, cluster: "primary", restartKey: undefined };
  return serverValues(server, listenerValues({ advertise, leafPort, clientPort }), values);
}

/** An IPv6 address stands in brackets wherever a port follows. */
const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

function includeText(settings: PrimarySettings, admin: string, app: string, leafs: Record<string, string>): string {
  const users = settings.edges.map(({ name, publish, receive }) => {
    const password = leafs[name];
    if (password === undefined) throw new Error(`no password was made for edge ${name}`);
    return { user: name, password, publish: [...eventSubjects(name), ...publish], receive };
  });
  const own = { admin: { user: ADMIN, password: admin }, app: { user: APP, password: app } };
  return primaryConf(own, users, settings.persistence !== undefined);
}

const logins = (passwords: pulumi.Output<Record<string, string>>): LeafLink["credentials"] =>
  passwords.apply((all) =>
    Object.fromEntries(Object.entries(all).map(([user, password]) => [user, { user, password }])),
  );

/** Without a public client port the chart's Service stays inside the cluster, and this one opens the leaf port alone. */
const leafService = ({ namespace, leafPort }: PrimarySettings): k8s.core.v1.ServiceArgs => ({
  metadata: { name: "nats-leaf", namespace, labels: { "app.kubernetes.io/part-of": "ops-nats" } },
  spec: {
    type: "NodePort",
    selector: {
      "app.kubernetes.io/component": "nats",
      "app.kubernetes.io/instance": RELEASE,
      "app.kubernetes.io/name": "nats",
    },
    ports: [{ name: "leafnodes", port: 7422, targetPort: "leafnodes", nodePort: leafPort }],
  },
});
