// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PrimarySettings } from "../settings.ts";
import { StreamKeeper } from "./keeper.ts";
import type { EdgeStore, LeafLink } from "./leafLink.ts";
import { leafService } from "./leafService.ts";
import { ADMIN, APP, KEEPER, newPassword, newRoute } from "./logins.ts";
import { merge } from "./merge.ts";
import { NatsServer, type StackMark } from "./nats.ts";
import { primaryConf } from "./natsConf.ts";
import { primaryPlan } from "./primaryStreams.ts";
import { type Cluster, fullName } from "./release.ts";
import type { RouteLogin } from "./routes.ts";
import { eventSubjects, withoutCovered } from "./subjects.ts";
import { accountsKey, listenerValues, ownSubjectValues, serverValues, type Values } from "./values.ts";

export interface PrimaryArgs {
  readonly settings: PrimarySettings;
  readonly cluster: Cluster;
  readonly mark: StackMark;
  /** Of the Helm release, see {@link NatsServerArgs}. */
  readonly description: string;
  /** Passwords of a former state, by user, where this one goes on with them. */
  readonly adopted?: Readonly<Record<string, string>> | undefined;
}

/** The primary: a NATS server with a leaf listener, a password for every edge that may connect, with persistence the streams. */
export class Primary extends pulumi.ComponentResource {
  readonly server: NatsServer;
  readonly adminPassword: pulumi.Output<string>;
  readonly appPassword: pulumi.Output<string>;
  /** Undefined where no streams are kept. */
  readonly keeper: StreamKeeper | undefined;
  readonly leafLink: LeafLink;
  /** For clients outside, without credentials; undefined without a `clientPort`. */
  readonly publicClientUrl: string | undefined;

  constructor(
    name: string,
    { settings, cluster, mark, description, adopted = {} }: PrimaryArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("ops-nats:index:Primary", name, {}, opts);
    const { hosts, leafPort, clientPort, namespace, chart, persistence, images, replicas, timeoutSeconds } = settings;
    const parent = { parent: this };
    this.adminPassword = newPassword(`${name}-admin`, parent, adopted[ADMIN]);
    this.appPassword = newPassword(`${name}-app`, parent, adopted[APP]);
    const keeperPassword = persistence && newPassword(`${name}-keeper`, parent, adopted[KEEPER]);
    const route = newRoute(`${name}-route`, settings, parent, adopted);
    const passwords = pulumi.all(
      Object.fromEntries(
        settings.edges.map(({ name: edge }) => [edge, newPassword(`${name}-leaf-${edge}`, parent, adopted[edge])]),
      ),
    );
    const include = pulumi.secret(
      pulumi
        .all([this.adminPassword, this.appPassword, keeperPassword, passwords, route])
        .apply(([admin, app, keeper, leafs, route]) => includeText(settings, { admin, app, keeper, leafs, route })),
    );
    const { adminPassword, appPassword } = this;
    const values = primaryValues(settings);
    const secrets = { include, adminPassword, appPassword, keeperPassword };
    const release = { mark, description, chart, values, timeoutSeconds };
    this.server = new NatsServer(name, { namespace, ...release, ...secrets, cluster }, parent);
    const after = { ...parent, dependsOn: [this.server] };
    new k8s.core.v1.Service(`${name}-leaf`, leafService(settings, mark), { ...after, deleteBeforeReplace: true });
    const plan = planOf(settings);
    const login = { user: KEEPER, passwordKey: "keeper-password" };
    this.keeper =
      plan &&
      new StreamKeeper(name, { namespace, mark, images, plan, ...login, replicas, timeoutSeconds, cluster }, after);
    this.leafLink = {
      urls: hosts.map((host) => `nats-leaf://${urlHost(host)}:${leafPort}`),
      credentials: logins(settings, passwords),
      stores: stores(settings),
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
  const { hosts, leafPort, clientPort, values, persistence } = settings;
  const advertise = `${urlHost(hosts[0])}:${leafPort}`;
  const sync = settings.replicas === 1 ? "always" : "10s"; // nobody else has what a lone server has acknowledged to edges
  const server = { ...settings, cluster: "primary", claim: persistence, sync, restartKey: accountsKey(settings) };
  const listener = listenerValues({ advertise, clientPort });
  return serverValues(server, persistence ? (merge(listener, ownSubjectValues) as Values) : listener, values);
}

/** An IPv6 address stands in brackets wherever a port follows. */
const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** All that an edge says: its events, and what its entry adds. */
const saidBy = ({ name, publish }: PrimarySettings["edges"][number]) =>
  withoutCovered([...eventSubjects(name), ...publish]);

interface Passwords {
  readonly admin: string;
  readonly app: string;
  readonly keeper: string | undefined;
  readonly leafs: Readonly<Record<string, string>>;
  readonly route: RouteLogin | undefined;
}

function includeText(settings: PrimarySettings, { admin, app, keeper, leafs, route }: Passwords): string {
  const users = settings.edges.map((edge) => {
    const { name, receive } = edge;
    const password = leafs[name];
    if (password === undefined) throw new Error(`no password was made for edge ${name}`);
    return { user: name, password, publish: saidBy(edge), receive, stored: edge.persistence };
  });
  const own = { admin: { user: ADMIN, password: admin }, app: { user: APP, password: app }, route };
  const store = keeper === undefined ? undefined : { keeper: { user: KEEPER, password: keeper } };
  return primaryConf(own, users, store, settings.extraAccounts);
}

/** The streams of a primary; undefined without persistence. */
export function planOf(settings: PrimarySettings) {
  const { persistence, edges, replicas } = settings;
  if (!persistence) return undefined;
  const pods = Array.from({ length: replicas }, (_, i) => `${fullName(settings.release)}-${i}`);
  return primaryPlan({ claim: persistence, retention: persistence, replicas, edges, pods });
}

/** What each edge that stores is told. */
function stores(settings: PrimarySettings): Record<string, EdgeStore> {
  const { persistence, edges } = settings;
  if (!persistence) return {};
  const { maxAge, whenFull } = persistence;
  const stored = edges.filter((edge) => edge.persistence);
  return Object.fromEntries(stored.map((edge) => [edge.name, { subjects: saidBy(edge), maxAge, whenFull }]));
}

const logins = (
  { edges }: PrimarySettings,
  passwords: pulumi.Output<Record<string, string>>,
): LeafLink["credentials"] =>
  passwords.apply((all) =>
    Object.fromEntries(
      edges.flatMap((edge) => {
        const { name: user, receive } = edge;
        const password = all[user];
        return password === undefined ? [] : [[user, { user, password, publish: saidBy(edge), receive }]];
      }),
    ),
  );
