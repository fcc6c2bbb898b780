// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { DEFAULT_IMAGES } from "../../../config/defaults.ts";
import { isMap } from "../../../lib/merge.ts";
import { serversIn, type Values } from "../../../nats/chartValues.ts";
import { edgeOf, link, primaryOf, store } from "../../harness/programValues.ts";

const [primary, edge] = [primaryOf, edgeOf];

/** Path -> value of every leaf of a tree of maps, so that two trees can be told apart by what differs. */
function flat(value: unknown, path = ""): Record<string, unknown> {
  if (!isMap(value)) return { [path]: value };
  return Object.assign({}, ...Object.entries(value).map(([key, v]) => flat(v, path ? `${path}.${key}` : key)));
}

/** What `changed` has otherwise than `base`; undefined stands for what is gone. */
function difference(base: unknown, changed: unknown): Record<string, unknown> {
  const [a, b] = [flat(base), flat(changed)];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(keys.filter((k) => JSON.stringify(a[k]) !== JSON.stringify(b[k])).map((k) => [k, b[k]]));
}

/** The constraint by which servers are on different nodes, as {@link flat} has it. */
const spread = (constraint: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(constraint).map(([key, value]) => [
      `podTemplate.topologySpreadConstraints.kubernetes.io/hostname.${key}`,
      value,
    ]),
  );
const SPREAD = spread({ maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", nodeTaintsPolicy: "Honor" });

const items = (...keys: string[]) => keys.map((key) => ({ key, path: key }));

describe("chart values", () => {
  const probe = (failureThreshold: number) => ({ initialDelaySeconds: 1, periodSeconds: 1, failureThreshold });
  const edgeDefaults = {
    global: { image: {} },
    config: {
      serverNamePrefix: "edge-1.",
      cluster: { enabled: false },
      merge: {
        $include: "../nats-auth/ops-nats.conf",
        server_name: "<< $QUOTED_SERVER_NAME >>",
        ping_interval: "9s",
        ping_max: 2,
      },
    },
    container: {
      image: { repository: "nats", tag: "2.15.3-alpine" },
      env: { QUOTED_SERVER_NAME: '"$(SERVER_NAME)"', GOMEMLIMIT: "1393MiB" },
      merge: {
        startupProbe: probe(900),
        readinessProbe: probe(10),
        resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "1639Mi" } },
      },
      patch: [
        {
          op: "add",
          path: "/volumeMounts/-",
          value: { name: "ops-nats-auth", mountPath: "/etc/nats-auth", readOnly: true },
        },
      ],
    },
    podTemplate: {
      configChecksumAnnotation: true,
      merge: { spec: { terminationGracePeriodSeconds: 60 } },
      patch: [
        {
          op: "add",
          path: "/spec/volumes/-",
          value: {
            name: "ops-nats-auth",
            secret: { secretName: "ops-nats-auth", items: items("ops-nats.conf", "leafs-ca.crt") },
          },
        },
      ],
    },
    reloader: { enabled: true, image: { repository: "natsio/nats-server-config-reloader", tag: "0.15.1" } },
    natsBox: {
      container: {
        image: { repository: "natsio/nats-box", tag: "0.14.5" },
        env: {
          NATS_USER: "app",
          NATS_PASSWORD: { valueFrom: { secretKeyRef: { name: "ops-nats-auth", key: "app-password" } } },
        },
      },
    },
  };

  /** Of several servers: they know each other by a password and by certificates. */
  const ROUTES = {
    "config.cluster.merge.routes": "<< $ROUTES >>",
    "config.cluster.merge.authorization": "<< $ROUTE_LOGIN >>",
    "config.cluster.merge.tls.ca_file": "/etc/nats-auth/routes-ca.crt",
    "config.cluster.merge.tls.cert_file": "/etc/nats-auth/routes.crt",
    "config.cluster.merge.tls.key_file": "/etc/nats-auth/routes.key",
    "config.cluster.merge.tls.timeout": 10,
  };
  const ROUTE_KEYS = ["routes.crt", "routes.key", "routes-ca.crt"];
  const gone = (of: object) => Object.fromEntries(Object.keys(of).map((key) => [key, undefined]));
  /** The Secret's entries that servers are given. */
  const mounted = (...keys: string[]) => ({
    "podTemplate.patch": [
      {
        op: "add",
        path: "/spec/volumes/-",
        value: {
          name: "ops-nats-auth",
          secret: { secretName: "ops-nats-auth", items: items("ops-nats.conf", ...keys) },
        },
      },
    ],
  });

  const LEAFS = {
    "config.leafnodes.merge.tls.cert_file": "/etc/nats-auth/leafs.crt",
    "config.leafnodes.merge.tls.key_file": "/etc/nats-auth/leafs.key",
    "config.leafnodes.merge.tls.timeout": 10,
  };

  it("of an edge, complete", () => assert.deepEqual(edge(), edgeDefaults));

  it("of a primary: an edge's, and what differs", () => {
    assert.deepEqual(difference(edgeDefaults, primary()), {
      "config.serverNamePrefix": "primary.",
      "config.cluster.enabled": true,
      "config.cluster.replicas": 3,
      "config.cluster.merge.name": "primary",
      ...ROUTES,
      "config.leafnodes.enabled": true,
      "config.leafnodes.merge.advertise": "203.0.113.10:32222",
      "config.leafnodes.merge.compression": "off",
      "config.leafnodes.merge.authorization.account": "NOLEAF",
      ...LEAFS,
      ...mounted("leafs.crt", "leafs.key", ...ROUTE_KEYS),
      ...SPREAD,
      "container.env.GOMEMLIMIT": "870MiB",
      "container.merge.resources.requests.cpu": "100m",
      "container.merge.resources.requests.memory": "256Mi",
      "container.merge.resources.limits.memory": "1024Mi",
      "service.ports.leafnodes.enabled": false,
    });
  });

  const changes: [string, unknown, unknown, Record<string, unknown>][] = [
    [
      "one server",
      primary(),
      primary({ replicas: 1 }),
      {
        "config.cluster.enabled": false,
        "config.cluster.replicas": undefined,
        "config.cluster.merge.name": undefined,
        ...gone(ROUTES),
        ...mounted("leafs.crt", "leafs.key"),
        ...spread({ maxSkew: undefined, whenUnsatisfiable: undefined, nodeTaintsPolicy: undefined }),
      },
    ],
    [
      "servers that are put anywhere: a constraint that is null, on which the chart would fail, is none",
      primary(),
      primary({
        values: {
          podTemplate: { topologySpreadConstraints: { "kubernetes.io/hostname": null, zone: { maxSkew: 2 } } },
        },
      }),
      {
        ...spread({ maxSkew: undefined, whenUnsatisfiable: undefined, nodeTaintsPolicy: undefined }),
        "podTemplate.topologySpreadConstraints.zone.maxSkew": 2,
      },
    ],
    [
      "servers that may share a node, said by values",
      primary(),
      primary({
        values: {
          podTemplate: {
            topologySpreadConstraints: { "kubernetes.io/hostname": { whenUnsatisfiable: "ScheduleAnyway" } },
          },
        },
      }),
      spread({ whenUnsatisfiable: "ScheduleAnyway" }),
    ],
    [
      "a client port: the chart's Service has a NodePort",
      primary(),
      primary({ clientPort: 32223 }),
      { "service.merge.spec.type": "NodePort", "service.ports.nats.nodePort": 32223 },
    ],
    [
      "an IPv6 host in brackets",
      primary(),
      primary({ hosts: ["2001:db8::1"] }),
      {
        "config.leafnodes.merge.advertise": "[2001:db8::1]:32222",
      },
    ],
    [
      "plain links: no certificate is there to show",
      primary(),
      primary({ tls: { enabled: false } }),
      { ...gone(LEAFS), ...mounted(...ROUTE_KEYS) },
    ],
    [
      "a certificate of somebody else's, from its own Secret",
      primary({ replicas: 1 }),
      primary({ replicas: 1, tls: { secretName: "own" } }),
      {
        "config.leafnodes.merge.tls.cert_file": "/etc/nats-leafs-tls/tls.crt",
        "config.leafnodes.merge.tls.key_file": "/etc/nats-leafs-tls/tls.key",
        "container.patch": [
          edgeDefaults.container.patch[0],
          {
            op: "add",
            path: "/volumeMounts/-",
            value: { name: "leafs-tls", mountPath: "/etc/nats-leafs-tls", readOnly: true },
          },
        ],
        "podTemplate.patch": [
          ...mounted()["podTemplate.patch"],
          { op: "add", path: "/spec/volumes/-", value: { name: "leafs-tls", secret: { secretName: "own" } } },
        ],
      },
    ],
    [
      "an edge's plain link: it would go on where the primary asked for TLS",
      edge(),
      edge({}, { ...link, urls: ["nats-leaf://203.0.113.10:32222"] }),
      { "container.env.SSL_CERT_FILE": "/etc/nats-auth/leafs-ca.crt" },
    ],
    ["a primary that is known by what the edge's image trusts", edge(), edge({}, { ...link, ca: "" }), mounted()],
    [
      "a claim at the path that the chart reads, and a domain",
      primary(),
      primary({ persistence: { enabled: true, size: "5Gi", storageClass: "fast" } }),
      {
        "config.cluster.merge.pool_size": -1,
        "config.jetstream.enabled": true,
        "config.jetstream.fileStore.pvc.enabled": true,
        "config.jetstream.fileStore.pvc.merge.metadata.annotations.ops-nats/edge": "primary",
        "config.jetstream.fileStore.pvc.size": "5Gi",
        "config.jetstream.fileStore.pvc.storageClassName": "fast",
        "config.jetstream.merge.domain": "primary",
        "config.jetstream.merge.max_buffered_msgs": 500_000,
        "config.jetstream.merge.max_buffered_size": "<< 256MB >>",
        "config.jetstream.merge.strict": false,
        "config.jetstream.merge.sync_interval": "10s",
        "container.env.OWN_SUBJECT": '"own.$(POD_NAME).>"',
        "container.env.GOMEMLIMIT": "2176MiB",
        "container.merge.resources.limits.memory": "2560Mi",
      },
    ],
    [
      "little memory: a quarter of it for what waits to be stored",
      edge({}, { ...link, store }),
      edge({ resources: { limits: { memory: "256Mi" } } }, { ...link, store }),
      {
        "config.jetstream.merge.max_buffered_msgs": 134_217,
        "config.jetstream.merge.max_buffered_size": "<< 64MB >>",
        "container.env.GOMEMLIMIT": "217MiB",
        "container.merge.resources.limits.memory": "256Mi",
      },
    ],
    [
      "an edge that stores: its claim, its name as domain, on the disk before anybody sees it",
      edge(),
      edge({}, { ...link, store }),
      {
        "config.jetstream.enabled": true,
        "config.jetstream.fileStore.pvc.enabled": true,
        "config.jetstream.fileStore.pvc.merge.metadata.annotations.ops-nats/edge": "edge-1",
        "config.jetstream.fileStore.pvc.size": "2Gi",
        "config.jetstream.merge.domain": "edge-1",
        "config.jetstream.merge.max_buffered_msgs": 500_000,
        "config.jetstream.merge.max_buffered_size": "<< 256MB >>",
        "config.jetstream.merge.strict": false,
        "config.jetstream.merge.sync_interval": "always",
      },
    ],
    [
      "an edge of three that stores: its servers hold copies of each other, and write through now and then",
      edge({}, { ...link, store }),
      edge({ replicas: 3 }, { ...link, store }),
      {
        "config.cluster.enabled": true,
        "config.cluster.merge.name": "edge-1",
        ...ROUTES,
        ...mounted("leafs-ca.crt", ...ROUTE_KEYS),
        "config.cluster.merge.pool_size": -1,
        "config.cluster.replicas": 3,
        "config.jetstream.merge.sync_interval": "10s",
        ...SPREAD,
      },
    ],
    [
      "a registry mirror and pull secrets",
      edge(),
      edge({ images: { registry: "r.example", pullSecrets: ["pull"] } }),
      {
        "global.image.registry": "r.example",
        "global.image.pullSecretNames": ["pull"],
      },
    ],
    [
      "an edge of three: a cluster called as the edge",
      edge(),
      edge({ replicas: 3 }),
      {
        "config.cluster.enabled": true,
        "config.cluster.replicas": 3,
        "config.cluster.merge.name": "edge-1",
        ...ROUTES,
        ...mounted("leafs-ca.crt", ...ROUTE_KEYS),
        ...SPREAD,
      },
    ],
    [
      "accounts with connections of their own: what servers refuse beside them is left out",
      edge({ replicas: 3 }, { ...link, store }),
      edge({ replicas: 3, values: { config: { cluster: { merge: { accounts: ["APP"] } } } } }, { ...link, store }),
      { "config.cluster.merge.pool_size": undefined, "config.cluster.merge.accounts": ["APP"] },
    ],
    [
      "another number of connections between servers",
      edge({ replicas: 3 }, { ...link, store }),
      edge({ replicas: 3, values: { config: { cluster: { merge: { pool_size: 3 } } } } }, { ...link, store }),
      { "config.cluster.merge.pool_size": 3 },
    ],
    [
      "values: the last word",
      edge(),
      edge({
        values: {
          natsBox: { enabled: false },
          config: { merge: { ping_max: 3 } },
          podTemplate: { merge: { spec: { nodeSelector: { a: "b" } } } },
        },
      }),
      {
        "natsBox.enabled": false,
        "config.merge.ping_max": 3,
        "podTemplate.merge.spec.nodeSelector.a": "b",
      },
    ],
    [
      "an edge's leaf listener: its port in the environment, so that pods are made anew with it",
      edge(),
      edge({ leafPort: 32222 }),
      { "container.env.LEAF_PORT": "7422" },
    ],
  ];
  for (const [what, base, changed, expected] of changes) {
    it(what, () => assert.deepEqual(difference(base, changed), expected));
  }

  it("restart an edge's pods on a changed link only where the server cannot reload it", () => {
    const old = { images: { nats: { tag: "2.10.20-alpine" } } };
    const key = (values: unknown) => flat(values)["podTemplate.merge.metadata.annotations.ops-nats/restart-key"];
    assert.equal(key(edge()), undefined);
    assert.match(String(key(edge(old))), /^[0-9a-f]{16}$/);
    assert.notEqual(key(edge(old)), key(edge(old, { ...link, seed: "another" })));
    assert.equal(key(edge(old)), key(edge({ ...old, replicas: 3 })));
  });

  it("tell the servers that the chart makes of them, the escape hatch's words included", () => {
    const stored = { ...link, store };
    const persistence = { size: "2Gi", storageClass: "fast" };
    const limit = (key: string) => ({ limitKey: `values.config.jetstream.fileStore.${key}` });
    const { tag } = DEFAULT_IMAGES.nats;
    const none = { replicas: 1, claim: undefined, fileLimit: undefined, tag, streams: false };
    assert.deepEqual(serversIn(edge()), { ...none, ...limit("pvc.size") });
    const three = {
      ...none,
      streams: true,
      replicas: 3,
      claim: persistence,
      fileLimit: persistence.size,
      ...limit("pvc.size"),
    };
    assert.deepEqual(serversIn(edge({ persistence, replicas: 3 }, stored)), three);
    const larger = { config: { jetstream: { fileStore: { maxSize: "9Gi" } } } };
    assert.deepEqual(serversIn(edge({ persistence, replicas: 3, values: larger }, stored)), {
      ...three,
      fileLimit: "9Gi",
      ...limit("maxSize"),
    });
  });

  it("put patches of the user after the program's own, which may be among them", () => {
    const [ours, mine] = [
      edgeDefaults.container.patch[0],
      { op: "add", path: "/volumeMounts/-", value: { name: "x" } },
    ];
    const volume = { op: "add", path: "/spec/volumes/-", value: { name: "x", emptyDir: {} } };
    const values = edge({ values: { container: { patch: [mine, ours] }, podTemplate: { patch: [volume] } } });
    assert.deepEqual((values.container as Values).patch, [ours, mine]);
    assert.deepEqual((values.podTemplate as Values).patch, [edgeDefaults.podTemplate.patch[0], volume]);
  });

  it("hold no password", () => {
    assert.ok(!JSON.stringify([edge(), edge({ images: { nats: { tag: "2.10.20-alpine" } } })]).includes(link.seed));
  });
});
