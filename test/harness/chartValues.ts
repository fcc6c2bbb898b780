// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Values with which the stand-in has to yield what the official chart does. */
export interface ValueSet {
  readonly name: string;
  readonly values: object;
}

const guideImages = {
  container: { image: { repository: "nats", tag: "2.10.20-alpine" } },
  natsBox: { container: { image: { repository: "natsio/nats-box", tag: "0.14.5" } } },
  reloader: { enabled: true, image: { repository: "natsio/nats-server-config-reloader", tag: "0.15.1" } },
};

/** The guide's primary; the guide's claim is at a place that the chart does not read. */
const guidePrimary = (jetstream: object): object => ({
  config: {
    jetstream,
    cluster: { enabled: true },
    leafnodes: { enabled: true, merge: { authorization: { user: "leafuser", password: "leafpassword" } } },
    merge: { accounts: { SYS: { users: [{ user: "admin", password: "adminpassword" }] } }, system_account: "SYS" },
  },
  ...guideImages,
});

const guideEdge = {
  config: {
    leafnodes: { enabled: true, merge: { remotes: [{ urls: ["nats://leafuser:leafpassword@192.0.2.1:32222"] }] } },
  },
  ...guideImages,
};

const probe = (failureThreshold: number): object => ({ initialDelaySeconds: 1, periodSeconds: 1, failureThreshold });
const include = "../nats-auth/ops-nats.conf";

/** What a program like ours sets for any server. */
const server = (cluster: string, replicas: number, config: object): object => ({
  config: {
    serverNamePrefix: `${cluster}.`,
    cluster: replicas > 1 ? { enabled: true, replicas, merge: { name: cluster, pool_size: -1 } } : { enabled: false },
    merge: {
      $include: include,
      server_name: "<< $QUOTED_SERVER_NAME >>",
      ping_interval: "9s",
      ping_max: 2,
      max_payload: 8388608,
      write_deadline: "10s",
    },
    ...config,
  },
  container: {
    image: { repository: "nats", tag: "2.15.3-alpine", pullPolicy: "IfNotPresent" },
    env: { GOMEMLIMIT: "200MiB", QUOTED_SERVER_NAME: '"$(SERVER_NAME)"' },
    merge: { startupProbe: probe(900), readinessProbe: probe(10), resources: { requests: { cpu: "100m" } } },
    patch: [
      { op: "add", path: "/volumeMounts/-", value: { name: "nats-auth", mountPath: "/etc/nats-auth", readOnly: true } },
    ],
  },
  podTemplate: {
    merge: {
      metadata: { annotations: { "ops-nats/restart-key": "1" } },
      spec: {
        terminationGracePeriodSeconds: 60,
        nodeSelector: { pool: "nats" },
        tolerations: [{ operator: "Exists" }],
      },
    },
    patch: [{ op: "add", path: "/spec/volumes/-", value: { name: "nats-auth", secret: { secretName: "nats-auth" } } }],
  },
  natsBox: {
    container: {
      image: { repository: "natsio/nats-box", tag: "0.14.5" },
      env: {
        NATS_USER: "app",
        NATS_PASSWORD: { valueFrom: { secretKeyRef: { name: "nats-auth", key: "app-password" } } },
      },
    },
    podTemplate: { merge: { spec: { nodeSelector: { pool: "tools" } } } },
  },
});

const leafnodes = {
  enabled: true,
  merge: { advertise: "192.0.2.1:32222", compression: "off", authorization: { account: "NOLEAF" } },
};
const primary = (config: object = {}): object => server("primary", 3, { leafnodes, ...config });
const nodePorts = {
  service: {
    merge: { spec: { type: "NodePort" } },
    ports: { nats: { nodePort: 32223 }, leafnodes: { nodePort: 32222 } },
  },
};
const claim = { enabled: true, size: "7Gi", storageClassName: "fast" };

export const VALUE_SETS: readonly ValueSet[] = [
  { name: "no values at all", values: {} },
  {
    name: "the guide's primary",
    values: guidePrimary({
      enabled: false,
      fileStore: { enabled: true, dir: "/data" },
      pvc: { enabled: true, storageClassName: "my-sc-client" },
    }),
  },
  { name: "the guide's edge", values: guideEdge },
  {
    name: "the guide's primary with its claim where the chart reads it",
    values: guidePrimary({
      enabled: true,
      fileStore: { enabled: true, dir: "/data", pvc: { enabled: true, storageClassName: "my-sc-client" } },
    }),
  },
  { name: "a primary of three on NodePorts", values: { ...primary(), ...nodePorts } },
  { name: "a primary whose client port stays inside the cluster (clientPort 0)", values: primary() },
  {
    name: "a primary from a mirror, with pull secrets",
    values: {
      ...primary(),
      ...nodePorts,
      global: { image: { registry: "mirror.example:5000", pullSecretNames: ["pull-a", "pull-b"] } },
      reloader: { image: { registry: "other.example", repository: "tools/reloader", tag: "0.15.1" } },
      promExporter: { enabled: true },
    },
  },
  {
    name: "a primary with a claim of a size and a class",
    values: {
      ...primary({ jetstream: { enabled: true, fileStore: { pvc: claim }, merge: { domain: "primary" } } }),
      ...nodePorts,
    },
  },
  {
    name: "a primary with limits of its own for file and memory",
    values: primary({
      jetstream: {
        enabled: true,
        fileStore: { maxSize: "5Gi", pvc: claim },
        memoryStore: { enabled: true, maxSize: "64Mi" },
      },
    }),
  },
  {
    name: "a primary with memory alone",
    values: primary({ jetstream: { enabled: true, fileStore: { enabled: false }, memoryStore: { enabled: true } } }),
  },
  {
    name: "a primary without a claim",
    values: primary({ jetstream: { enabled: true, fileStore: { pvc: { enabled: false } } } }),
  },
  { name: "an edge of one", values: server("edge-1", 1, {}) },
  { name: "an edge of three", values: server("edge-1", 3, {}) },
  {
    name: "the escape hatch: spread pods, no checksum, lists replaced, half of the parts off",
    values: {
      config: {
        monitor: { enabled: false },
        cluster: { enabled: true, replicas: 2, merge: { routes: ["nats://elsewhere:6222"] } },
        leafnodes: { enabled: true, merge: { tls: { ca_file: "/etc/ca/ca.crt" }, extra$include: "leafs.conf" } },
        merge: {
          server_tags: ["a<b>&c", "<< $TAG >>"],
          accounts: { A: {}, B: { users: [{ user: "x", $include: "x.conf" }] } },
          lame_duck_duration: "60s",
          max_payload: "<< 8MB >>",
        },
      },
      container: {
        merge: {
          volumeMounts: [{ name: "certs", mountPath: "/etc/certs" }],
          livenessProbe: { httpGet: { path: "/" } },
        },
        patch: [{ op: "add", path: "/volumeMounts/-", value: { name: "scratch", mountPath: "/scratch" } }],
      },
      podTemplate: {
        configChecksumAnnotation: false,
        topologySpreadConstraints: { "kubernetes.io/hostname": { maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" } },
        merge: { spec: { volumes: [], shareProcessNamespace: false } },
        patch: [{ op: "add", path: "/spec/volumes/-", value: { name: "scratch", emptyDir: {} } }],
      },
      service: {
        merge: { metadata: { annotations: { team: "ops" } } },
        ports: { nats: { port: 14222, protocol: "TCP" }, leafnodes: { enabled: false } },
      },
      podDisruptionBudget: { enabled: false },
      natsBox: {
        podTemplate: { merge: { metadata: { annotations: { team: "ops" } }, spec: { restartPolicy: "Always" } } },
      },
    },
  },
  {
    name: "the servers and nothing beside them",
    values: {
      config: { monitor: { enabled: false } },
      service: { ports: { nats: { enabled: false } } },
      podDisruptionBudget: { enabled: false },
      reloader: { enabled: false },
      natsBox: { enabled: false },
    },
  },
];
