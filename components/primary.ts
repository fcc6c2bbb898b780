// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PrimarySettings } from "../settings.ts";
import { assertTaken, type OutputsOf, type Signing } from "./authoritiesTaken.ts";
import { type Certificates, certificates, WARN_DAYS } from "./certificates.ts";
import { Controller, planText } from "./controller.ts";
import { type Files, LEAF_KEYS, leafFiles, ROUTE_KEYS } from "./files.ts";
import type { EdgeLogins, EdgeStore, LeafLink } from "./leafLink.ts";
import { leafService } from "./leafService.ts";
import { authorities, issued, madeHere, shown, shownFiles } from "./leafTls.ts";
import { ADMIN, APP, CONTROLLER, newPassword, newRoute, ROOT } from "./logins.ts";
import { merge } from "./merge.ts";
import { NatsServer, type StackMark } from "./nats.ts";
import { primaryConf } from "./natsConf.ts";
import { edgeNkey, type Nkey } from "./nkeys.ts";
import { PlainError } from "./plainError.ts";
import { primaryPlan } from "./primaryStreams.ts";
import { type Cluster, fullName, type RunningServers } from "./release.ts";
import { type RouteLogin, routeCertificates } from "./routes.ts";
import { NO_STREAMS, type Plan } from "./streams.ts";
import { eventSubjects, withoutCovered } from "./subjects.ts";
import { listenerValues, ownSubjectValues, serverValues, type Values } from "./values.ts";

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

/** The chart's values of a primary. */
export function primaryValues(settings: PrimarySettings) {
  const { hosts, leafPort, clientPort, values, persistence } = settings;
  const advertise = `${urlHost(hosts[0])}:${leafPort}`;
  const sync = settings.replicas === 1 ? "always" : "10s"; // nobody else has what a lone server has acknowledged to edges
  const { files, secret, tls } = shown(settings);
  const server = { ...settings, cluster: "primary", claim: persistence, sync, files, secret };
  const listener = listenerValues({ advertise, clientPort, tls });
  return serverValues(server, persistence ? (merge(listener, ownSubjectValues) as Values) : listener, values);
}

/** An IPv6 address stands in brackets wherever a port follows. */
const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** All that an edge says: its events, and what its entry adds. */
const saidBy = ({ name, publish }: PrimarySettings["edges"][number]) =>
  withoutCovered([...eventSubjects(name), ...publish]);

interface Secrets {
  readonly admin: string;
  readonly app: string;
  readonly controller: string | undefined;
  /** Edge name -> login. */
  readonly leafs: Readonly<Record<string, Nkey>>;
  readonly route: RouteLogin | undefined;
  readonly files: Files;
}

function includeText(
  settings: PrimarySettings,
  known: readonly string[],
  { admin, app, controller, leafs, route, files }: Secrets,
): string {
  const { edgeLimits, extraAccounts } = settings;
  const users = settings.edges.map((edge) => {
    const { name, receive, persistence } = edge;
    return { user: name, nkey: nkeyOf(leafs, name).publicKey, publish: saidBy(edge), receive, stored: persistence };
  });
  const own = { admin: { user: ADMIN, password: admin }, app: { user: APP, password: app }, route, files };
  const store = controller === undefined ? undefined : { controller: { user: CONTROLLER, password: controller } };
  const former = known.filter((edge) => !users.some(({ user }) => user === edge));
  return primaryConf(own, users, edgeLimits, store, extraAccounts, former);
}

/** What the controller of a primary keeps, and of what it tells. */
export function planOf(settings: PrimarySettings): Plan {
  const leaf = settings.tls.enabled ? { leaf: madeHere(settings) ? WARN_DAYS.own : WARN_DAYS.others } : {};
  const cluster = settings.replicas > 1 ? { cluster: WARN_DAYS.own } : {};
  const edges = settings.edges.map(({ name }) => name);
  return { ...streamsOf(settings), edges, certificates: { ...leaf, ...cluster } };
}

function streamsOf(settings: PrimarySettings): Plan {
  const { persistence, edges, replicas, edgeLimits } = settings;
  if (!persistence) return NO_STREAMS;
  const pods = Array.from({ length: replicas }, (_, i) => `${fullName(settings.release)}-${i}`);
  return primaryPlan({
    claim: persistence,
    retention: persistence,
    replicas,
    edges,
    pods,
    underWay: edgeLimits.underWay,
  });
}

/** What each edge that stores is told. */
function stores(settings: PrimarySettings): Record<string, EdgeStore> {
  const { persistence, edges, edgeLimits } = settings;
  if (!persistence) return {};
  const { maxAge, whenFull } = persistence;
  const { underWay } = edgeLimits;
  const stored = edges.filter((edge) => edge.persistence);
  return Object.fromEntries(stored.map((edge) => [edge.name, { subjects: saidBy(edge), maxAge, whenFull, underWay }]));
}

function logins(settings: PrimarySettings, keys: Readonly<Record<string, Nkey>>): EdgeLogins {
  const stored = stores(settings);
  return Object.fromEntries(
    settings.edges.map((edge) => {
      const { name, receive } = edge;
      return [name, { seed: nkeyOf(keys, name).seed, publish: saidBy(edge), receive, store: stored[name] }];
    }),
  );
}

function nkeyOf(keys: Readonly<Record<string, Nkey>>, edge: string): Nkey {
  const key = keys[edge];
  if (key === undefined) throw new Error(`no login was made for edge ${edge}`);
  return key;
}

/** Bytes of what a Secret or a ConfigMap may hold that are for edges; each holds a MiB in all (validation of the API server, MaxSecretSize). */
const ROOM = 1_000_000;

/**
 * Refuses more edges than fit into the Secret with their logins, or into the controller's plan with their streams, in the preview already.
 * @throws PlainError with one line
 */
export function checkEdgesFit(settings: PrimarySettings, known: readonly string[], stack: string): void {
  const key = { seed: "S".repeat(58), publicKey: "U".repeat(56) };
  const leafs = Object.fromEntries(settings.edges.map(({ name }) => [name, key]));
  const password = "p".repeat(32);
  const secrets = {
    admin: password,
    app: password,
    controller: settings.persistence && password,
    leafs,
    route: undefined,
  };
  const parts = [
    {
      bytes: Buffer.byteLength(includeText(settings, known, { ...secrets, files: {} })),
      what: "logins",
      of: "a Secret",
    },
    { bytes: Buffer.byteLength(planText(planOf(settings))), what: "streams", of: "a ConfigMap" },
  ];
  for (const { bytes, what, of } of parts) {
    if (bytes <= ROOM) continue;
    const fit = Math.floor((settings.edges.length * ROOM) / bytes);
    throw new PlainError(
      `ops-nats:edges of stack ${stack}: expected as many as fit into ${of} of Kubernetes, some ${fit} of these; came ${settings.edges.length}, whose ` +
        `${what} take ${bytes} bytes of ${ROOM}; nothing was changed; next: shorter names or fewer subjects, or a second primary`,
    );
  }
}
