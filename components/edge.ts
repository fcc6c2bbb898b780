// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { EdgeSettings } from "../settings.ts";
import { ADMIN, APP, newPassword } from "./logins.ts";
import { NatsServer } from "./nats.ts";
import { edgeConf, type Remote } from "./natsConf.ts";
import type { Cluster } from "./release.ts";
import { reloadsRemotes, serverVersion } from "./serverVersion.ts";
import { serverTag, serverValues } from "./values.ts";

export interface EdgeArgs {
  readonly settings: EdgeSettings;
  /** What the primary offers this edge. */
  readonly remote: Remote;
  readonly cluster: Cluster;
}

/** An edge: a NATS server that is a leaf of the primary. */
export class Edge extends pulumi.ComponentResource {
  readonly server: NatsServer;
  readonly adminPassword: pulumi.Output<string>;
  readonly appPassword: pulumi.Output<string>;

  constructor(name: string, { settings, remote, cluster }: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ops-nats:index:Edge", name, {}, opts);
    const parent = { parent: this };
    this.adminPassword = newPassword(`${name}-admin`, parent);
    this.appPassword = newPassword(`${name}-app`, parent);
    const include = pulumi.secret(
      pulumi.all([this.adminPassword, this.appPassword]).apply(([admin, app]) => {
        return edgeConf({ admin: { user: ADMIN, password: admin }, app: { user: APP, password: app } }, remote);
      }),
    );
    const { namespace, chart } = settings;
    const values = edgeValues(settings, remote);
    this.server = new NatsServer(
      name,
      { namespace, chart, values, include, appPassword: this.appPassword, cluster },
      parent,
    );
    this.registerOutputs({ server: this.server, adminPassword: this.adminPassword, appPassword: this.appPassword });
  }
}

/** The chart's values of an edge. It has no listener for leafs: its remote stands in the include file. */
export function edgeValues(settings: EdgeSettings, remote: Remote) {
  const server = {
    ...settings,
    cluster: settings.edge,
    persistence: undefined,
    restartKey: restartKey(settings, remote),
  };
  return serverValues(server, {}, settings.values);
}

/** Servers before 2.14 refuse a reload that changes a remote. 64 bits of a hash over 190 random ones tell nothing of them. */
function restartKey(settings: EdgeSettings, { urls, user, password }: Remote): string | undefined {
  const version = serverVersion(serverTag(settings));
  if (version && reloadsRemotes(version)) return undefined;
  return createHash("sha256")
    .update(JSON.stringify([urls, user, password]))
    .digest("hex")
    .slice(0, 16);
}
