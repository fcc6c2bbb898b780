// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type program from "../../index.ts";
import type { Cluster } from "../../kubernetes/port.ts";
import { fingerprints } from "../../link/authoritiesTaken.ts";
import { certificates } from "../../nats/certificates.ts";
import { tagOf } from "../../nats/configTag.ts";
import { edgeNkey } from "../../nats/nkeys.ts";
import { deployedCluster, emptyCluster, pods, warnings } from "../harness/fakeClusters.ts";
import { awaited, type MockStack, mockEngine, type Recorder } from "../harness/mocks.ts";

/** A cluster that has nothing at the first look, and the servers from then on. */
function fresh(stack: string): Cluster {
  let looks = 0;
  const runningServers: Cluster["runningServers"] = (...about) =>
    (looks++ === 0 ? emptyCluster : deployedCluster).runningServers(...about);
  return { ...emptyCluster, stack, runningServers };
}

/** Runs index.ts once as a stack, on such a cluster, and gives what it registered and put out. */
async function run(
  stack: string,
  config: Record<string, string>,
  stacks: Record<string, MockStack> = {},
  of: (stack: string, recorder: Recorder) => Cluster = fresh,
  left?: Readonly<Record<string, string>>,
) {
  const recorder = await mockEngine(stack, stacks, left);
  pulumi.runtime.setAllConfig({ "kubernetes:context": stack, ...config });
  const { default: main } = (await import("../../index.ts")) as { default: typeof program };
  const outputs: Record<string, unknown> = await main((_, full) => of(full, recorder));
  const values: Record<string, unknown> = {};
  const secrets: string[] = [];
  for (const [name, output] of Object.entries(outputs)) {
    values[name] = await awaited(output);
    if (pulumi.Output.isInstance(output) && (await pulumi.isSecret(output))) secrets.push(name);
  }
  await pulumi.runtime.disconnect();
  return { recorder, values, secrets: secrets.sort() };
}

interface PodOwner {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
      readonly spec: object;
    };
  };
}

const provider = (recorder: Recorder, type: string, name: string) => recorder.get(type, name).provider ?? "";
const RELEASE = "kubernetes:helm.sh/v3:Release";
const IDENTITY = "random:index/randomString:RandomString identity";
const PASSWORD = "random:index/randomPassword:RandomPassword";

/** What every controller is made of. */
const EVERY_CONTROLLER = [
  "kubernetes:apps/v1:Deployment nats-controller",
  "kubernetes:core/v1:ConfigMap nats-controller",
  "kubernetes:core/v1:ConfigMap nats-controller-plan",
];

const SERVER_OUTPUTS = {
  namespace: "ops-system",
  clientUrl: "nats://nats.ops-system.svc:4222",
  appUser: "app",
  adminUser: "admin",
};

const EDGE_PASSWORDS = {
  appPassword: "password-of-nats-app",
  adminPassword: "password-of-nats-admin",
  opsEventEndpoint: "nats://app:password-of-nats-app@nats.ops-system.svc:4222",
};

/** What mocks make of it. */
const ROOT_KEY = "password-of-nats-root";

const subjects = (edge: string) => ({ publish: [`ops.clusters.${edge}.>`, "ops.notifications.>"], receive: [] });

/** What each role puts out, and which of it is secret; the README's table is compared with it too. */
export const OUTPUTS = {
  primary: {
    values: {
      ...SERVER_OUTPUTS,
      opsEventCluster: "primary",
      leafUrls: ["tls://203.0.113.10:32222", "tls://nats.example.org:32222"],
      leafUrl: "tls://203.0.113.10:32222",
      leafCredentials: {
        "edge-1": { seed: edgeNkey(ROOT_KEY, "edge-1").seed, ...subjects("edge-1"), store: undefined },
        "edge-2": { seed: edgeNkey(ROOT_KEY, "edge-2").seed, ...subjects("edge-2"), store: undefined },
      },
      leafStores: {},
      leafCa: "PEM",
      leafCertificateEnds: "2030-01-31",
      leafLinkVersion: 6,
      leafWitness: "readable",
      publicClientUrl: "nats://203.0.113.10:32223", // where clientPort is set
    },
    secrets: ["leafCredentials", "leafWitness"],
  },
  edge: {
    values: {
      ...SERVER_OUTPUTS,
      ...EDGE_PASSWORDS,
      opsEventCluster: "edge-1",
      edge: "edge-1",
      leafUrls: ["tls://203.0.113.10:32222"],
      leafAuthorities: [],
    },
    secrets: ["adminPassword", "appPassword", "opsEventEndpoint"],
  },
};

describe("program", () => {
  const primaryConfig = {
    "kubernetes:context": "primary",
    "ops-nats:hosts": '["203.0.113.10","nats.example.org"]',
    "ops-nats:edges": '["edge-1","edge-2"]',
  };

  it("as a primary: all resources, all outputs, which of them are secret", async () => {
    const { recorder, values, secrets } = await run("primary", primaryConfig);
    assert.deepEqual(recorder.list(), [
      ...EVERY_CONTROLLER,
      "kubernetes:core/v1:NamespacePatch nats-namespace",
      "kubernetes:core/v1:Secret nats-auth",
      "kubernetes:core/v1:Service nats-leaf",
      `${RELEASE} nats`,
      "ops-nats:index:Controller nats",
      "ops-nats:index:NatsServer nats",
      "ops-nats:index:Primary nats",
      "pulumi:providers:kubernetes cluster",
      ...["admin", "app", "root", "route-3"].map((name) => `${PASSWORD} nats-${name}`),
      IDENTITY,
    ]);
    const { publicClientUrl, ...always } = OUTPUTS.primary.values;
    assert.match(String(values.leafCa), /^(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n){2}$/);
    assert.match(String(values.leafCertificateEnds), /^20\d\d-\d\d-\d\d$/);
    const { leafCa, leafCertificateEnds } = always; // they change with the years
    assert.deepEqual({ ...values, leafCa, leafCertificateEnds }, always);
    assert.deepEqual(secrets, OUTPUTS.primary.secrets);
    const opened = await run("primary", { ...primaryConfig, "ops-nats:clientPort": "32223" });
    assert.deepEqual({ ...opened.values, leafCa, leafCertificateEnds }, { ...always, publicClientUrl });
  });

  it("as a primary whose CA no edge can know, says so", async () => {
    const { authorities } = await certificates("another root key", "leafs", []);
    const last = { outputs: { leafCa: authorities }, secretOutputNames: [] };
    const told = await warnings(() => run("primary", primaryConfig, { "organization/ops-nats/primary": last }));
    assert.match(told.join("\n"), /signed by a CA that edges cannot know yet/);
  });

  it("as a primary whose next CA signs, asks each edge's stack whether it knows it", async () => {
    const own = (await certificates(ROOT_KEY, "leafs", [])).authorities;
    const before = (await certificates("the one that signed before", "leafs", [])).authorities;
    const last = { outputs: { leafCa: `${before}${own}` }, secretOutputNames: [] };
    const taken = { outputs: { leafAuthorities: fingerprints(own) }, secretOutputNames: [] };
    const one = { "organization/ops-nats/primary": last, "organization/ops-nats/edge-1": taken };
    const told = await warnings(() => run("primary", primaryConfig, one));
    assert.match(told.join("\n"), /^[^\n]*whether these edges know it cannot be seen here [^\n]*: edge-2$/);
    const both = { ...one, "organization/ops-nats/edge-2": taken };
    assert.deepEqual(await warnings(() => run("primary", primaryConfig, both)), []);
  });

  it("looks for strangers among the servers, once these run what they were given", async () => {
    const asked: string[] = [];
    const running = (stack: string, recorder: Recorder): Cluster => ({
      ...fresh(stack),
      serverPods: async () => pods("nats-0"),
      async serverTags() {
        const secret = recorder.get("kubernetes:core/v1:Secret", "nats-auth").inputs as {
          stringData: { value: Record<string, string> };
        };
        return [tagOf(secret.stringData.value["ops-nats.conf"] ?? "")];
      },
      async serverRoutes(_, pod) {
        asked.push(pod);
        return { id: pod, peers: [] };
      },
    });
    await run("primary", primaryConfig, {}, running);
    assert.deepEqual(asked, ["nats-0"]);
  });

  it("judges servers by what the cluster was given, which with --target is not what the settings say", async () => {
    const left = { "ops-nats.conf": 'server_tags: ["x", "conf:0123456789abcdef"]\n' };
    let asked = 0;
    const running = (stack: string): Cluster => ({
      ...fresh(stack),
      serverPods: async () => pods("nats-0"),
      serverTags: async () => ["nats-0", "conf:0123456789abcdef"],
      async serverRoutes(_, pod) {
        asked++;
        return { id: pod, peers: [] };
      },
    });
    await run("primary", primaryConfig, {}, running, left);
    assert.equal(asked, 1);
  });

  it("has the controller tell of certificates that end: somebody else's later than its own", async () => {
    const persistence = { "ops-nats:persistence": '{"enabled":true}' };
    const planned = async (tls: object) => {
      const config = { ...primaryConfig, ...persistence, "ops-nats:tls": JSON.stringify(tls) };
      return controllerOf((await run("primary", config)).recorder).plan.certificates;
    };
    assert.deepEqual(await planned({}), { leaf: 180, cluster: 180 });
    assert.deepEqual(await planned({ issuerRef: { name: "ours" } }), { leaf: 7, cluster: 180 });
    assert.deepEqual(await planned({ enabled: false }), { cluster: 180 });
  });

  it("goes to the cluster of its own provider, whatever the shell points at", async () => {
    const { recorder } = await run("primary", primaryConfig);
    const cluster = recorder.get("pulumi:providers:kubernetes", "cluster");
    assert.equal(cluster.inputs.context, "primary");
    assert.equal(cluster.inputs.clusterIdentifier, "uid-of-the-cluster");
    assert.deepEqual([cluster.inputs.enableSecretMutable, cluster.inputs.enableConfigMapMutable], ["true", "true"]);
    for (const [type, name] of [
      [RELEASE, "nats"],
      ["kubernetes:core/v1:Secret", "nats-auth"],
      ["kubernetes:core/v1:NamespacePatch", "nats-namespace"],
    ] as const) {
      assert.match(provider(recorder, type, name), /::cluster::cluster-id$/);
    }
  });

  it("as a primary with somebody else's certificate, has edges know both CAs, or what their images trust", async () => {
    const { authorities: theirs } = await certificates("somebody's", "leafs", []);
    const ca = async (tls: object) =>
      String((await run("primary", { ...primaryConfig, "ops-nats:tls": JSON.stringify(tls) })).values.leafCa);
    const own = await ca({});
    assert.equal(await ca({ ca: theirs }), `${own}${theirs}`, "told beforehand");
    assert.equal(await ca({ enabled: false }), own, "so that links can be encrypted again");
    assert.equal(await ca({ issuerRef: { name: "ours" }, ca: theirs }), `${own}${theirs}`);
    assert.equal(await ca({ issuerRef: { name: "ours" } }), "", "no Secret is there yet");
  });

  it("as a primary whose certificate is not there, says so, and makes no server", async () => {
    const tls = JSON.stringify({ secretName: "own" });
    await assert.rejects(run("primary", { ...primaryConfig, "ops-nats:tls": tls }), {
      message: /^ops-nats:tls\.secretName: expected Secret own .*came no such Secret;/,
    });
  });

  it("as a primary with cert-manager, asks it for a certificate for all hosts", async () => {
    const tls = JSON.stringify({ issuerRef: { name: "ours", kind: "ClusterIssuer" } });
    const { recorder } = await run("primary", { ...primaryConfig, "ops-nats:tls": tls });
    const { inputs } = recorder.get("kubernetes:cert-manager.io/v1:Certificate", "nats-leafs-certificate");
    assert.deepEqual(inputs.spec, {
      secretName: "nats-leafs-tls",
      dnsNames: ["nats.example.org"],
      ipAddresses: ["203.0.113.10"],
      usages: ["digital signature", "key encipherment", "server auth"],
      issuerRef: { name: "ours", kind: "ClusterIssuer", group: "cert-manager.io" },
    });
    assert.match(JSON.stringify(recorder.get(RELEASE, "nats").inputs), /"secretName":"nats-leafs-tls"/);
  });

  it("as a primary with cert-manager, writes over nobody's Certificate", async () => {
    const tls = JSON.stringify({ issuerRef: { name: "ours" } });
    const asked: string[] = [];
    const taken = (stack: string): Cluster => ({
      ...fresh(stack),
      async owner(_, kind, name) {
        asked.push(`${kind} ${name}`);
        return kind === "Certificate" ? { id: undefined, stack: undefined } : undefined;
      },
    });
    await assert.rejects(run("primary", { ...primaryConfig, "ops-nats:tls": tls }, {}, taken), {
      message: /came Certificate nats-leafs-tls, made by somebody else \(not by ops-nats\); nothing was changed;/,
    });
    asked.length = 0;
    await run("primary", primaryConfig, {}, taken);
    assert.ok(!asked.includes("Certificate nats-leafs-tls"), "who does not use it may lack the right to ask");
  });

  it("as a primary of more edges than a Secret has room for, says how many fit, and makes nothing", async () => {
    const edges = JSON.stringify(Array.from({ length: 2000 }, (_, i) => `edge-of-a-long-name-${i}`));
    await assert.rejects(run("primary", { ...primaryConfig, "ops-nats:edges": edges }), {
      message:
        /^ops-nats:edges of stack primary: expected as many as fit into a Secret of Kubernetes, some 1\d\d\d of these; came 2000,/,
    });
  });

  it("as a primary whose streams have more subjects than a ConfigMap has room for, says how many edges fit, and makes nothing", async () => {
    const publish = Array.from({ length: 30 }, (_, i) => `subjects.of.nobody.else.${i}.>`);
    const edges = JSON.stringify(Array.from({ length: 400 }, (_, i) => ({ name: `edge-${i}`, publish })));
    const stored = { ...primaryConfig, "ops-nats:edges": edges, "ops-nats:persistence": '{"enabled":true}' };
    await assert.rejects(run("primary", stored), {
      message:
        /^ops-nats:edges of stack primary: expected as many as fit into a ConfigMap of Kubernetes, some 2\d\d of these; came 400,/,
    });
  });

  it("puts passwords into the Secret and nowhere else", async () => {
    const { recorder } = await run("primary", primaryConfig);
    const holders = recorder.registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("password-of-"));
    assert.deepEqual(
      holders.map(({ type }) => type),
      ["kubernetes:core/v1:Secret"],
    );
  });

  const persistent = { ...primaryConfig, "ops-nats:persistence": '{"enabled":true,"maxAge":"1h"}' };

  const TURN = [
    "kubernetes:coordination.k8s.io/v1:Lease nats-controller",
    "kubernetes:core/v1:ServiceAccount nats-controller",
    "kubernetes:rbac.authorization.k8s.io/v1:Role nats-controller",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding nats-controller",
  ];

  it("as a primary with persistence: a controller with a login of its own, and what each edge is to store", async () => {
    const [plain, stored] = [await run("primary", primaryConfig), await run("primary", persistent)];
    const added = stored.recorder.list().filter((name) => !plain.recorder.list().includes(name));
    assert.deepEqual(added, [...TURN, `${PASSWORD} nats-controller`]);
    const store = (edge: string) => ({
      subjects: [`ops.clusters.${edge}.>`, "ops.notifications.>"],
      maxAge: 3600,
      whenFull: "keep-newest",
      underWay: 100,
    });
    assert.deepEqual(stored.values.leafStores, { "edge-1": store("edge-1"), "edge-2": store("edge-2") });
    assert.deepEqual(stored.secrets, OUTPUTS.primary.secrets);
  });

  it("puts the controller's password into the Secret and nowhere else, and another plan into another pod", async () => {
    const { recorder } = await run("primary", persistent);
    const holders = recorder.registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("password-of-"));
    assert.deepEqual(
      holders.map(({ type }) => type),
      ["kubernetes:core/v1:Secret"],
    );
    const plan = ({ recorder: r }: { recorder: Recorder }) =>
      (r.get("kubernetes:apps/v1:Deployment", "nats-controller").inputs as unknown as PodOwner).spec.template.metadata
        .annotations["ops-nats/plan"];
    const more = { ...persistent, "ops-nats:edges": '["edge-1","edge-2","edge-3"]' };
    assert.match(String(plan({ recorder })), /^[0-9a-f]{64}$/);
    const { annotations } = (
      recorder.get("kubernetes:apps/v1:Deployment", "nats-controller").inputs as unknown as PodOwner
    ).spec.template.metadata;
    const password = JSON.stringify(["password-of-nats-controller"]);
    assert.equal(annotations["ops-nats/logins"], createHash("sha256").update(password).digest("hex").slice(0, 16));
    assert.notEqual(plan(await run("primary", more)), plan({ recorder }));
  });

  it("puts the controller where servers may run, from the registry and by the digest that are set", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const images = {
      registry: "registry.example",
      pullSecrets: ["pull"],
      controller: { tag: `24-bookworm-slim@${digest}` },
    };
    const place = {
      tolerations: [{ key: "infra", operator: "Exists" }],
      nodeSelector: { pool: "infra" },
      priorityClassName: "high",
    };
    const spec = { ...place, affinity: { podAntiAffinity: {} }, dnsPolicy: "None" };
    const { recorder } = await run("primary", {
      ...persistent,
      "ops-nats:images": JSON.stringify(images),
      "ops-nats:values": JSON.stringify({ podTemplate: { merge: { spec } } }),
    });
    const { template } = (
      recorder.get("kubernetes:apps/v1:Deployment", "nats-controller").inputs as unknown as PodOwner
    ).spec;
    const { containers, imagePullSecrets, affinity, dnsPolicy, ...pod } = template.spec as Record<string, unknown>;
    for (const [key, value] of Object.entries(place)) assert.deepEqual(pod[key], value, key);
    assert.deepEqual(
      [affinity, dnsPolicy],
      [undefined, undefined],
      "servers are kept apart from each other, not from it",
    );
    assert.deepEqual(imagePullSecrets, [{ name: "pull" }]);
    const [{ image } = { image: "" }] = containers as readonly { readonly image: string }[];
    assert.equal(image, `registry.example/node:24-bookworm-slim@${digest}`);
  });

  for (const [running, replicas, first] of [
    [3, 5, true],
    [3, 3, false],
    [1, 3, false],
    [5, 3, false],
    [undefined, 3, false],
  ] as const) {
    it(`tells the controller ${first ? "before" : "after"} the servers, of which ${running ?? "none"} run and ${replicas} are to`, async () => {
      const claim = { size: "10Gi", storageClass: undefined };
      const image = "nats:2.15.3-alpine";
      const servers = running === undefined ? undefined : { replicas: running, claim, image };
      const cluster = (stack: string): Cluster => {
        let looks = 0;
        return {
          ...{ ...emptyCluster, stack },
          runningServers: async () => (looks++ === 0 ? servers : { replicas, claim, image }),
        };
      };
      const settings = { ...persistent, "ops-nats:replicas": String(replicas) };
      const made = run("primary", settings, {}, cluster);
      if (running !== undefined && first === false && running !== replicas)
        return assert.rejects(made, /ops-nats:replicas/);
      const types = (await made).recorder.registrations.map(({ type, name }) => `${type} ${name}`);
      const [told, changed] = ["kubernetes:apps/v1:Deployment nats-controller", `${RELEASE} nats`].map((one) =>
        types.indexOf(one),
      );
      assert.ok(told !== undefined && changed !== undefined && told >= 0 && changed >= 0);
      assert.equal(told < changed, first);
    });
  }

  it("lets Helm and the controller take as long as timeoutSeconds says", async () => {
    const { recorder } = await run("primary", { ...persistent, "ops-nats:timeoutSeconds": "90" });
    assert.equal(recorder.get(RELEASE, "nats").inputs.timeout, 90);
    const { metadata } = recorder.get("kubernetes:apps/v1:Deployment", "nats-controller").inputs as unknown as {
      metadata: { annotations: Record<string, string> };
    };
    assert.equal(metadata.annotations["pulumi.com/timeoutSeconds"], "90");
  });

  it("opens the leaf port by a Service of its own, with and without a client port", async () => {
    const { recorder } = await run("primary", primaryConfig);
    const opened = (await run("primary", { ...primaryConfig, "ops-nats:clientPort": "32223" })).recorder;
    assert.deepEqual(
      recorder.get("kubernetes:core/v1:Service", "nats-leaf").inputs,
      opened.get("kubernetes:core/v1:Service", "nats-leaf").inputs,
    );
    assert.deepEqual(recorder.get("kubernetes:core/v1:Service", "nats-leaf").inputs.spec, {
      type: "NodePort",
      selector: {
        "app.kubernetes.io/component": "nats",
        "app.kubernetes.io/instance": "nats",
        "app.kubernetes.io/name": "nats",
      },
      ports: [{ name: "leafnodes", port: 7422, targetPort: 7422, nodePort: 32222 }],
    });
  });

  const linkOf = (store?: object): MockStack => ({
    outputs: {
      leafLinkVersion: 6,
      leafCa: "PEM",
      leafUrls: ["tls://203.0.113.10:32222"],
      leafWitness: "readable",
      leafCredentials: {
        "edge-1": { seed: "SU-one", ...subjects("edge-1"), receive: ["ops.clusters.primary.>"], store },
        "edge-2": { seed: "SU-two", ...subjects("edge-2") },
      },
    },
    secretOutputNames: ["leafCredentials", "leafWitness"],
  });
  const link = linkOf();

  it("as an edge: all resources, all outputs, no password of another edge", async () => {
    const stacks = { "organization/ops-nats/primary": link };
    const { recorder, values, secrets } = await run("edge-1", { "kubernetes:context": "edge-1" }, stacks);
    assert.deepEqual(recorder.list(), [
      ...EVERY_CONTROLLER,
      "kubernetes:core/v1:NamespacePatch nats-namespace",
      "kubernetes:core/v1:Secret nats-auth",
      `${RELEASE} nats`,
      "ops-nats:index:Controller nats",
      "ops-nats:index:Edge nats",
      "ops-nats:index:NatsServer nats",
      "pulumi:providers:kubernetes cluster",
      ...["admin", "app", "watch"].map((name) => `${PASSWORD} nats-${name}`),
      IDENTITY,
    ]);
    assert.deepEqual(values, OUTPUTS.edge.values);
    assert.deepEqual(secrets, OUTPUTS.edge.secrets);
    const secret = JSON.stringify(recorder.get("kubernetes:core/v1:Secret", "nats-auth").inputs);
    assert.ok(secret.includes("SU-one") && !secret.includes("SU-two"));
    assert.ok(secret.includes('"watch-password":"password-of-nats-watch"'));
    const holders = recorder.registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("password-of-"));
    assert.deepEqual(
      holders.map(({ type }) => type),
      ["kubernetes:core/v1:Secret"],
    );
  });

  /** The controller of an edge: its plan, and who it is. */
  const controllerOf = (recorder: Recorder) => {
    const { data } = recorder.get("kubernetes:core/v1:ConfigMap", "nats-controller-plan").inputs as {
      data: Record<string, string>;
    };
    const text = JSON.stringify(recorder.get("kubernetes:apps/v1:Deployment", "nats-controller").inputs);
    return { plan: JSON.parse(data["plan.json"] ?? ""), user: /"NATS_USER","value":"(\w+)"/.exec(text)?.[1], text };
  };

  it("as an edge that stores nothing: a controller that can only count strays, and knows what is one", async () => {
    const { recorder } = await run("edge-1", {}, { "organization/ops-nats/primary": link });
    const { plan, user, text } = controllerOf(recorder);
    const watch = { edge: "edge-1", subject: "ops.clusters.default.>" }; // it receives events of the primary
    assert.deepEqual(plan, { streams: [], consumers: [], watch });
    assert.equal(user, undefined);
    assert.match(text, /"WATCH_USER","value":"watch"/);
    assert.match(text, /"automountServiceAccountToken":false/);
    assert.ok(!text.includes("app-password"));
    assert.match(text, /"items":\[\{"key":"watch-password","path":"watch"\}\],"secretName":"ops-nats-auth"/);
  });

  it("as an edge, refuses to accept a name of which it receives events", async () => {
    const config = { "ops-nats:acceptClusterNames": '["primary"]' };
    await assert.rejects(run("edge-1", config, { "organization/ops-nats/primary": link }), {
      message: /^ops-nats:acceptClusterNames\[0\] of stack edge-1: expected .*; came primary, /,
    });
  });

  /** What the primary says when edge-1 is to store. */
  const storing = {
    "organization/ops-nats/primary": linkOf({
      subjects: ["ops.clusters.edge-1.>"],
      maxAge: 60,
      whenFull: "keep-newest",
      underWay: 250,
    }),
  };

  it("as an edge, warns of the primary's certificate that ends, and has its controller tell of its own servers'", async () => {
    const outputs = { ...link.outputs, leafCertificateEnds: "2020-01-01" };
    const ended = { "organization/ops-nats/primary": { ...link, outputs } };
    const certificatesOf = async (replicas: string) => {
      const { recorder } = await run("edge-1", { "ops-nats:replicas": replicas }, ended);
      return controllerOf(recorder).plan.certificates;
    };
    const told = await warnings(async () => {
      assert.deepEqual([await certificatesOf("1"), await certificatesOf("3")], [undefined, { cluster: 180 }]);
    });
    assert.match(told[0] ?? "", /certificate of the primary has ended \(2020-01-01\)/);
  });

  it("as an edge that stores: a controller that logs in as app, by its own provider", async () => {
    const { recorder } = await run("edge-1", { "kubernetes:context": "edge-1" }, storing);
    for (const name of [...EVERY_CONTROLLER, ...TURN]) assert.ok(recorder.list().includes(name), name);
    assert.ok(!recorder.list().includes(`${PASSWORD} nats-controller`));
    const { plan, user } = controllerOf(recorder);
    assert.deepEqual([user, plan.streams.length, plan.watch.edge], ["app", 1, "edge-1"]);
    assert.match(provider(recorder, "kubernetes:apps/v1:Deployment", "nats-controller"), /::cluster::cluster-id$/);
  });

  for (const [what, config, pattern] of [
    [
      "a server below the floor",
      { "ops-nats:images": '{"nats":{"tag":"2.14.9-alpine"}}' },
      /^ops-nats:images\.nats\.tag of stack edge-1: expected a nats tag of 2\.15\.3 or later[^\n]*came 2\.14\.9-alpine; next: pulumi config set --path 'ops-nats:images\.nats\.tag' 2\.15\.3-alpine -s edge-1 && pulumi up -s edge-1$/,
    ],
    [
      "two servers",
      { "ops-nats:replicas": "2" },
      /^ops-nats:replicas of stack edge-1: expected with persistence one server, or three or more.*came 2; next: /,
    ],
    [
      "a server that may store less than its stream may hold",
      { "ops-nats:values": JSON.stringify({ config: { jetstream: { fileStore: { maxSize: "1Gi" } } } }) },
      /maxSize: expected \d+ or more, for the streams of persistence.size 2Gi; came 1Gi; next: pulumi config rm .* -s edge-1 /,
    ],
  ] as const) {
    it(`as an edge that stores, refuses ${what}`, async () => {
      await assert.rejects(run("edge-1", config, storing), { message: pattern });
    });
  }

  it("as a primary that stores, refuses servers that may store less than their streams may hold", async () => {
    const values = JSON.stringify({ config: { jetstream: { fileStore: { maxSize: "4Gi" } } } });
    const config = { ...primaryConfig, "ops-nats:persistence": '{"enabled":true}', "ops-nats:values": values };
    await assert.rejects(run("primary", config), {
      message:
        /maxSize: expected \d+ or more, for the streams of persistence.size 10Gi; came 4Gi; next: pulumi config rm .* -s primary /,
    });
  });

  it("as an edge with a leaf listener and an account of its user's: a Service for it, and passwords in the Secret alone", async () => {
    const accounts = { TEAM: { users: [{ user: "team", password: "pw-of-the-team" }] } };
    const remotes = [
      { account: "TEAM", urls: ["nats-leaf://hub.example:7422"], user: "hub", password: "pw-of-the-hub" },
    ];
    process.env.PULUMI_CONFIG_SECRET_KEYS = '["ops-nats:extraAccounts","ops-nats:extraRemotes"]';
    try {
      const { recorder } = await run(
        "edge-1",
        {
          "ops-nats:leafPort": "32222",
          "ops-nats:replicas": "3",
          "ops-nats:extraAccounts": JSON.stringify(accounts),
          "ops-nats:extraRemotes": JSON.stringify(remotes),
        },
        { "organization/ops-nats/primary": link },
      );
      const { spec } = recorder.get("kubernetes:core/v1:Service", "nats-leaf").inputs as { spec: { ports: unknown } };
      assert.deepEqual(spec.ports, [{ name: "leafnodes", port: 7422, targetPort: 7422, nodePort: 32222 }]);
      const holders = recorder.registrations.filter(({ inputs }) => /pw-of-the-/.test(JSON.stringify(inputs)));
      assert.deepEqual(
        holders.map(({ type }) => type),
        ["kubernetes:core/v1:Secret"],
      );
      const text = JSON.stringify(recorder.get("kubernetes:core/v1:Secret", "nats-auth").inputs);
      assert.match(text, /pw-of-the-team.*hub:pw-of-the-hub@hub\.example:7422/);
      // accounts come and go by a reload, in a cluster too
      assert.doesNotMatch(JSON.stringify(recorder.get(RELEASE, "nats").inputs), /restart-key/);
    } finally {
      delete process.env.PULUMI_CONFIG_SECRET_KEYS;
    }
  });

  it("as an edge that is not listed, registers nothing", async () => {
    const recorder = await mockEngine("edge-9", { "organization/ops-nats/primary": link });
    pulumi.runtime.setAllConfig({ "kubernetes:context": "edge-9" });
    const { default: main } = await import("../../index.ts");
    await assert.rejects(
      main((_, full) => fresh(full)),
      /expected edge-9 among them/,
    );
    assert.deepEqual(recorder.list(), []);
  });
});
