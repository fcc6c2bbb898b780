// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { isDeepStrictEqual } from "node:util";
import type { Claim, Image, Images, Resources } from "../config/settings.ts";
import { bytes } from "../config/units.ts";
import { isMap, merge } from "../lib/merge.ts";
import { NO_LEAF_ACCOUNT } from "./accounts.ts";
import { HANDSHAKE, INCLUDE, type KeyPair, ROUTE_KEYS, ROUTES_TLS } from "./files.ts";
import { OWNER_EDGE } from "./names.ts";
import { ROUTES_IN_SECRET } from "./routes.ts";

export type Values = Record<string, unknown>;

/** What both roles tell the chart. Nothing of it is secret: values can be read in previews and in Helm's record. */
export interface ServerSettings {
  /** Prefix of server names and name of the server's cluster: `primary`, or the edge's name. */
  readonly cluster: string;
  readonly replicas: number;
  readonly images: Images;
  readonly resources: Resources;
  /** JetStream's volume; undefined without JetStream. */
  readonly claim: Claim | undefined;
  /** How often it writes through to the disk: `always`, before anybody sees a message, or a time such as `10s`. */
  readonly sync: string;
  /** Entries of the Secret that lie beside the include file, but for those of routes. */
  readonly files: readonly string[];
  /** Another Secret that servers read, and where. */
  readonly secret?: SecretVolume | undefined;
  /** Changes with what an include file holds and NATS cannot reload: the pods are then replaced one by one. */
  readonly restartKey?: string | undefined;
}

/** A Secret of somebody else's with a certificate, as a pod mounts it. */
export interface SecretVolume {
  readonly secretName: string;
  readonly mountPath: string;
}

/** How a primary is reached; clientPort 0 keeps the client port inside the cluster. */
export interface ListenerSettings {
  /** `host:port` that servers announce to edges in place of pod addresses. */
  readonly advertise: string;
  readonly clientPort: number;
  /** Undefined: edges come in plain text. */
  readonly tls: KeyPair | undefined;
}

/**
 * One connection between two servers that store, for all accounts (`cluster.pool_size`; the server's own default is three, and one
 * more for the system account). With several, the answer "your consumer is made" overtakes the news of where it listens, and who then asks it is told
 * "no responders", or nothing: one or two in a hundred of Ops' queries (decision 12). Servers refuse it beside accounts that have
 * connections of their own, so who names such gets the default.
 */
const ONE_ROUTE = -1;

/**
 * Servers on different nodes, as far as there are enough; a node that is cordoned or tainted does not count, for a server
 * that waits for it would wait for ever.
 */
const SPREAD = {
  "kubernetes.io/hostname": { maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", nodeTaintsPolicy: "Honor" },
};

/** How much of a container's memory Go may use before it works to free some; the rest is for what it does not count, as pages of files. */
const GO_SHARE = 0.85;

/**
 * How much of it a burst may take that waits until it is stored, and how much at most, in MiB; and the bytes that an event takes there beside its own, at least:
 * servers count only what it says.
 */
const BURST = { share: 0.25, most: 256, event: 500 };

/** The volume of somebody else's Secret. */
const OTHER = "leafs-tls";

/** A constraint that is null is taken away, as Helm does with a chart's own value; the chart itself fails on it. */
function withoutNulls(values: Values): Values {
  const podTemplate = at(values, "podTemplate");
  const constraints = at(podTemplate, "topologySpreadConstraints");
  if (!Object.values(constraints).includes(null)) return values;
  const kept = Object.fromEntries(Object.entries(constraints).filter(([, constraint]) => constraint !== null));
  return { ...values, podTemplate: { ...podTemplate, topologySpreadConstraints: kept } };
}

/**
 * The chart's values of any server; `values` of the user come last and win: valuesGuard.ts has refused what this program relies
 * on. Lists are replaced, as Helm does; patches come after ours.
 */
export function serverValues(settings: ServerSettings, role: Values, user: Readonly<Values>): Values {
  const { cluster, replicas, images, resources, claim, sync, restartKey, secret } = settings;
  const memory = bytes(resources.limits.memory);
  const files = [...settings.files, ...(replicas > 1 ? ROUTE_KEYS : [])];
  const pinned = at(at(user.config, "cluster"), "merge").accounts !== undefined;
  const pool = claim && !pinned ? { pool_size: ONE_ROUTE } : {};
  const ours = {
    global: {
      image: {
        ...(images.registry === undefined ? {} : { registry: images.registry }),
        ...(images.pullSecrets.length === 0 ? {} : { pullSecretNames: [...images.pullSecrets] }),
      },
    },
    config: {
      serverNamePrefix: `${cluster}.`,
      cluster:
        replicas > 1
          ? { enabled: true, replicas, merge: { name: cluster, ...ROUTES_IN_SECRET, tls: ROUTES_TLS, ...pool } }
          : { enabled: false },
      ...(claim ? { jetstream: jetStream(claim, cluster, sync, burstOf(memory)) } : {}),
      merge: {
        $include: `../${INCLUDE.folder}/${INCLUDE.key}`,
        // NATS reads a variable's text as configuration: without quotes inside, a name such as 2024-nats-0 is a date that is wrong
        server_name: "<< $QUOTED_SERVER_NAME >>",
        // a silent link is given up after two unanswered pings: by the edge, which then dials anew, within 27 s, by the primary within 36
        ping_interval: "9s",
        ping_max: 2,
      },
    },
    container: {
      image: image(images.nats),
      // the chart's own SERVER_NAME comes before it; Go works to free memory when it comes near its limit
      env: { QUOTED_SERVER_NAME: '"$(SERVER_NAME)"', GOMEMLIMIT: `${Math.floor((memory * GO_SHARE) / 2 ** 20)}MiB` },
      merge: { startupProbe: probe(900), readinessProbe: probe(10), resources },
      patch: [
        add("/volumeMounts/-", { name: INCLUDE.secret, mountPath: `/etc/${INCLUDE.folder}`, readOnly: true }),
        ...(secret ? [add("/volumeMounts/-", { name: OTHER, mountPath: secret.mountPath, readOnly: true })] : []),
      ],
    },
    podTemplate: {
      // NATS cannot reload all of nats.conf, and after one refusal refuses every reload: pods roll with it (charts since 2.12.4: no)
      configChecksumAnnotation: true,
      ...(replicas > 1 ? { topologySpreadConstraints: SPREAD } : {}),
      merge: {
        ...(restartKey === undefined ? {} : { metadata: { annotations: { "ops-nats/restart-key": restartKey } } }),
        spec: { terminationGracePeriodSeconds: 60 },
      },
      patch: [
        add("/spec/volumes/-", {
          name: INCLUDE.secret,
          secret: { secretName: INCLUDE.secret, items: [INCLUDE.key, ...files].map((key) => ({ key, path: key })) },
        }),
        ...(secret ? [add("/spec/volumes/-", { name: OTHER, secret: { secretName: secret.secretName } })] : []),
      ],
    },
    reloader: { enabled: true, image: image(images.reloader) },
    natsBox: { container: { image: image(images.natsBox), env: boxLogin } },
  };
  const all = merge(merge(ours, role), user) as Values;
  for (const key of ["container", "podTemplate"] as const) {
    const { patch } = ours[key];
    all[key] = { ...at(all, key), patch: [...patch, ...others(at(user, key).patch, patch)] };
  }
  return withoutNulls(all);
}

/** What is on a list beside those: who repeats our patches does not get them twice. */
const others = (list: unknown, those: readonly Values[]): readonly unknown[] =>
  (Array.isArray(list) ? list : []).filter((item) => !those.some((that) => isDeepStrictEqual(that, item)));

/** A map in a map; empty where there is none. */
export const at = (map: unknown, key: string): Values => (isMap(map) && isMap(map[key]) ? map[key] : {});

/** The servers that the chart makes of values, its own defaults included. */
export function serversIn(values: Values) {
  const { enabled, replicas } = at(values.config, "cluster");
  const claim = claimIn(values);
  const { maxSize } = at(at(values.config, "jetstream"), "fileStore");
  const own = maxSize === undefined || maxSize === "";
  const { tag } = at(at(values, "container"), "image");
  return {
    tag: typeof tag === "string" ? tag : undefined,
    streams: at(at(values.config, "jetstream"), "merge").domain !== undefined,
    replicas: enabled === true ? Number(replicas ?? 3) : 1,
    claim,
    fileLimit: own ? claim?.size : String(maxSize),
    /** Where in `values` the limit would be changed. */
    limitKey: `values.config.jetstream.fileStore.${own ? "pvc.size" : "maxSize"}`,
  };
}

function claimIn(values: Values): Claim | undefined {
  const jetstream = at(values.config, "jetstream");
  const fileStore = at(jetstream, "fileStore");
  const { enabled, size, storageClassName } = at(fileStore, "pvc");
  if (jetstream.enabled !== true || fileStore.enabled === false || enabled === false) return undefined;
  return {
    size: typeof size === "string" ? size : "10Gi",
    storageClass: typeof storageClassName === "string" ? storageClassName : undefined,
  };
}

/** What a primary adds: the leaf listener and the client NodePort. */
export function listenerValues({ advertise, clientPort, tls }: ListenerSettings): Values {
  const leafnodes = {
    enabled: true,
    merge: {
      ...{ advertise, compression: "off", authorization: { account: NO_LEAF_ACCOUNT } },
      ...(tls ? { tls: { ...tls, timeout: HANDSHAKE } } : {}),
    },
  };
  // the leaf port has a Service of our own; in a Service of type NodePort each of its ports becomes one
  const ports = { leafnodes: { enabled: false } };
  if (clientPort === 0) return { config: { leafnodes }, service: { ports } };
  const opened = { ...ports, nats: { nodePort: clientPort } };
  return { config: { leafnodes }, service: { merge: { spec: { type: "NodePort" } }, ports: opened } };
}

const burstOf = (memory: number): number => Math.floor(Math.min(BURST.most, (memory * BURST.share) / 2 ** 20));

/** The domain is the cluster's name, so that the primary can address the stream of each edge. */
const jetStream = ({ size, storageClass }: Claim, domain: string, sync: string, burst: number): Values => ({
  enabled: true,
  fileStore: {
    pvc: {
      ...{ enabled: true, size },
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      // a claim outlives its stack: whose events are on it is told by it
      merge: { metadata: { annotations: { [OWNER_EDGE]: domain } } },
    },
  },
  merge: {
    domain,
    sync_interval: sync,
    // a burst waits in memory until it is stored; without a limit of ours 10,000 messages do, and the next are dropped
    max_buffered_msgs: Math.min(500_000, Math.floor((burst * 2 ** 20) / BURST.event)),
    max_buffered_size: `<< ${burst}MB >>`, // of 1,048,576 bytes
    strict: false, // Ops' own client asks for a stream with the fields of an answer in its question
  },
});

/** What a primary with persistence adds: each server knows the subject below which it stores what its own clients say. */
export const ownSubjectValues: Values = { container: { env: { OWN_SUBJECT: '"own.$(POD_NAME).>"' } } };

const image = ({ repository, tag }: Image): Values => ({ repository, tag });
const add = (path: string, value: Values): Values => ({ op: "add", path, value });

/** The chart's own probes first look after 10 s, then every 10 s; a server is ready in one. */
const probe = (failureThreshold: number): Values => ({ initialDelaySeconds: 1, periodSeconds: 1, failureThreshold });

/** nats-box is logged in as app, so that the commands of the guide work as they are printed. */
const boxLogin: Values = {
  NATS_USER: "app",
  NATS_PASSWORD: { valueFrom: { secretKeyRef: { name: INCLUDE.secret, key: "app-password" } } },
};
