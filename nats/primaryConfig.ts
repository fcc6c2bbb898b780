// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { PrimarySettings } from "../config/settings.ts";
import { merge } from "../lib/merge.ts";
import { WARN_DAYS } from "./certificates.ts";
import { listenerValues, ownSubjectValues, serverValues, type Values } from "./chartValues.ts";
import type { EdgeLogins, EdgeStore } from "./edgeLogin.ts";
import type { Files } from "./files.ts";
import { madeHere, shown } from "./leafTls.ts";
import { ADMIN, APP, CONTROLLER } from "./logins.ts";
import { fullName } from "./names.ts";
import { primaryConf } from "./natsConf.ts";
import type { Nkey } from "./nkeys.ts";
import { primaryPlan } from "./primaryStreams.ts";
import type { RouteLogin } from "./routes.ts";
import { NO_STREAMS, type Plan } from "./streams.ts";
import { eventSubjects, withoutCovered } from "./subjects.ts";

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
export const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

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

export function includeText(
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
export function stores(settings: PrimarySettings): Record<string, EdgeStore> {
  const { persistence, edges, edgeLimits } = settings;
  if (!persistence) return {};
  const { maxAge, whenFull } = persistence;
  const { underWay } = edgeLimits;
  const stored = edges.filter((edge) => edge.persistence);
  return Object.fromEntries(stored.map((edge) => [edge.name, { subjects: saidBy(edge), maxAge, whenFull, underWay }]));
}

export function logins(settings: PrimarySettings, keys: Readonly<Record<string, Nkey>>): EdgeLogins {
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
