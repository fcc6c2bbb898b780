// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { EdgeSettings } from "../config/settings.ts";
import type { Cluster } from "../kubernetes/port.ts";
import { WARN_DAYS } from "../nats/certificates.ts";
import { clusterNames, watchedSubject } from "../nats/clusterNames.ts";
import { edgeValues, extrasOf, planOf } from "../nats/edgeConfig.ts";
import type { EdgeLink } from "../nats/edgeLogin.ts";
import { type Files, LEAFS_CA, ROUTE_KEYS } from "../nats/files.ts";
import { ADMIN, APP, ROOT, WATCH } from "../nats/logins.ts";
import type { StackMark } from "../nats/names.ts";
import { edgeConf } from "../nats/natsConf.ts";
import { routeCertificates } from "../nats/routes.ts";
import { NO_STREAMS } from "../nats/streams.ts";
import { Controller } from "./controller.ts";
import { newPassword, newRoute } from "./credentials.ts";
import { leafService } from "./leafService.ts";
import { NatsServer } from "./natsServer.ts";

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
