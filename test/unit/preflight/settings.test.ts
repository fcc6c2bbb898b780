// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { EdgeSettings, PrimarySettings } from "../../../config/settings.ts";
import { bytes, seconds } from "../../../config/units.ts";
import { certificates } from "../../../nats/certificates.ts";
import { readSettings } from "../../../preflight/settings.ts";
import { fault, hosts, source } from "../../harness/source.ts";

describe("config", () => {
  const primary: PrimarySettings = {
    role: "primary",
    namespace: "ops-system",
    release: "nats",
    inCluster: false,
    chart: { chart: "nats", repository: "https://nats-io.github.io/k8s/helm/charts/", version: "1.2.4" },
    images: {
      registry: undefined,
      pullSecrets: [],
      nats: { repository: "nats", tag: "2.15.3-alpine" },
      natsBox: { repository: "natsio/nats-box", tag: "0.14.5" },
      reloader: { repository: "natsio/nats-server-config-reloader", tag: "0.15.1" },
      controller: { repository: "node", tag: "24-bookworm-slim" },
    },
    replicas: 3,
    timeoutSeconds: 600,
    resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "1024Mi" } },
    hosts: ["203.0.113.10"],
    leafPort: 32222,
    clientPort: 0,
    tls: { enabled: true },
    edgeLimits: { links: 20, subscriptions: 1000, underWay: 100 },
    edges: [],
    persistence: undefined,
    values: {},
    extraAccounts: {},
  };

  it("gives a primary its defaults", () => {
    assert.deepEqual(readSettings(source("primary", { hosts })), primary);
  });

  it("gives an edge its defaults: its name is its stack, its primary the stack primary of the same project", () => {
    const {
      hosts: _h,
      leafPort: _l,
      clientPort: _c,
      tls: _t,
      edgeLimits: _m,
      edges: _e,
      persistence: _p,
      ...common
    } = primary;
    const edge: EdgeSettings = {
      ...common,
      role: "edge",
      replicas: 1,
      resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "1639Mi" } },
      edge: "edge-1",
      primaryStack: "organization/ops-nats/primary",
      acceptClusterNames: [],
      persistence: { size: "2Gi", storageClass: undefined },
      leafPort: undefined,
      extraRemotes: [],
    };
    assert.deepEqual(readSettings(source("edge-1", {})), edge);
  });

  it("asks for a cluster: a context, a kubeconfig, or the one that the program runs in, and not two of them", () => {
    const none = { hosts, "kubernetes:context": "" };
    fault(
      "primary",
      none,
      /^kubernetes:context: expected a context \(there are a, b\), or .*next: .*context <context> -s primary$/,
      {
        contexts: () => ["a", "b"],
      },
    );
    fault("primary", none, /next: pulumi config set kubernetes:context only -s primary$/, { contexts: () => ["only"] });
    readSettings(source("primary", { ...none, "kubernetes:kubeconfig": "~/k" }));
    readSettings(source("primary", { ...none, inCluster: true }));
    fault("primary", { hosts, inCluster: true }, /inCluster: expected false beside kubernetes:context; came true/);
  });

  it("knows the cluster by itself, and what Helm keeps by Helm's own driver", () => {
    fault("primary", { hosts, "kubernetes:clusterIdentifier": "x" }, /^kubernetes:clusterIdentifier: expected nothing/);
    const driver = (name: string) => ({ hosts, "kubernetes:helmReleaseSettings": JSON.stringify({ driver: name }) });
    fault(
      "primary",
      driver("configmap"),
      /^kubernetes:helmReleaseSettings: expected Helm's own driver.*came "configmap"/,
    );
    readSettings(source("primary", driver("secret")));
  });

  it("reads every key of a primary", async () => {
    const { authorities: PEM } = await certificates("root", "leafs", []);
    const keys = {
      role: "primary",
      namespace: "events",
      release: "ops-events",
      adopt: "0123456789abcdef",
      chart: { oci: "oci://registry.example/nats", version: "1.2.4" },
      images: { registry: "registry.example", pullSecrets: ["pull"], nats: { tag: "2.15.3-alpine" } },
      replicas: 1,
      timeoutSeconds: 90,
      resources: { requests: { cpu: "0.5", memory: "1Gi" }, limits: { cpu: "1500m", memory: "4Gi" } },
      hosts: ["nats.example.org", "2001:db8::1"],
      leafPort: 30000,
      clientPort: 32223,
      tls: { secretName: "own", ca: `subject=one\n${PEM}# and more` },
      edgeLimits: { links: 3, payload: 65_536 },
      edges: ["edge-1", { name: "edge-2", publish: ["metrics.edge-2.>"], receive: ["commands.>"], persistence: false }],
      persistence: { enabled: true, size: "5Gi", storageClass: "fast", maxAge: "36h", whenFull: "keep-oldest" },
      values: { natsBox: { enabled: false } },
    };
    assert.deepEqual(readSettings(source("hq", keys)), {
      role: "primary",
      namespace: "events",
      release: "ops-events",
      inCluster: false,
      adopt: "0123456789abcdef",
      chart: { chart: "oci://registry.example/nats", repository: undefined, version: "1.2.4" },
      images: {
        ...primary.images,
        registry: "registry.example",
        pullSecrets: ["pull"],
        nats: { repository: "nats", tag: "2.15.3-alpine" },
      },
      replicas: 1,
      timeoutSeconds: 90,
      resources: { requests: { cpu: "0.5", memory: "1Gi" }, limits: { cpu: "1500m", memory: "4Gi" } },
      hosts: ["nats.example.org", "2001:db8::1"],
      leafPort: 30000,
      clientPort: 32223,
      tls: { enabled: true, secretName: "own", ca: PEM },
      edgeLimits: { links: 3, subscriptions: 1000, payload: 65_536, underWay: 100 },
      edges: [
        { name: "edge-1", publish: [], receive: [], persistence: true },
        { name: "edge-2", publish: ["metrics.edge-2.>"], receive: ["commands.>"], persistence: false },
      ],
      persistence: { size: "5Gi", storageClass: "fast", maxAge: 36 * 3600, whenFull: "keep-oldest" },
      values: { natsBox: { enabled: false } },
      extraAccounts: {},
    });
  });

  it("an amount of memory that is said has its way over the role's own", () => {
    const of = (resources: object) => readSettings(source("edge-1", { resources })).resources;
    const cpu = "20m";
    assert.deepEqual(of({ limits: { memory: "256Mi", cpu: "10m" } }).requests, { cpu: "10m", memory: "64Mi" });
    assert.deepEqual(of({ requests: { memory: "3Gi" } }), {
      requests: { cpu, memory: "3Gi" },
      limits: { memory: "3Gi" },
    });
    assert.deepEqual(of({ requests: { cpu: 0.5, memory: "64Mi" } }).requests, { cpu: "0.5", memory: "64Mi" });
    for (const [key, came, expected] of [
      ["limits.memory", "128Mi", "of at least 256Mi"],
      ["limits.memory", "65Ti", "of at most 64Ti"],
      ["requests.cpu", "0m", "an amount of CPU"],
      ["requests.cpu", "2 cores", "an amount of CPU"],
    ] as const) {
      const [kind = "", what = ""] = key.split(".");
      const pattern = new RegExp(`^ops-nats:resources\\.${kind}\\.${what}: expected .*${expected}.*; came "${came}"`);
      fault("edge-1", { resources: { [kind]: { [what]: came } } }, pattern);
    }
    fault(
      "primary",
      { hosts, resources: { requests: { memory: "2Gi" }, limits: { memory: "1Gi" } } },
      /^ops-nats:resources: expected no requests\.memory above limits\.memory/,
    );
    fault(
      "primary",
      { hosts, resources: { requests: { cpu: "1100m" }, limits: { cpu: "1" } } },
      /^ops-nats:resources: expected no requests\.cpu above limits\.cpu/,
    );
  });

  it("servers that store may take more memory with more to store", () => {
    const persistence = { enabled: true, size: "10Gi" };
    assert.equal(readSettings(source("primary", { hosts, persistence })).resources.limits.memory, "4096Mi");
  });

  it("persistence has an age, an end and a size that nobody named", () => {
    const settings = readSettings(source("primary", { hosts, persistence: { enabled: true } })) as PrimarySettings;
    const week = 7 * 24 * 3600;
    assert.deepEqual(settings.persistence, {
      size: "10Gi",
      storageClass: undefined,
      maxAge: week,
      whenFull: "keep-newest",
    });
  });

  it("reads the disk of an edge that stores", () => {
    const settings = readSettings(source("edge-1", { persistence: { size: "500M", storageClass: "fast" } }));
    assert.deepEqual(settings.persistence, { size: "500M", storageClass: "fast" });
  });

  it("reads the names that an edge accepts, from Pulumi.edge.yaml too", () => {
    const names = ["default", "prod_eu", "prod.eu", "prod.us"];
    const { acceptClusterNames } = readSettings(source("edge-1", { acceptClusterNames: names })) as EdgeSettings;
    assert.deepEqual(acceptClusterNames, names);
    const sharedFile = "config:\n  ops-nats:acceptClusterNames: [default]\n";
    const shared = readSettings(source("edge-1", {}, { sharedFile })) as EdgeSettings;
    assert.deepEqual(shared.acceptClusterNames, ["default"]);
  });

  it("knows the units of sizes and times", () => {
    assert.deepEqual(["1Ki", "2k", "3Gi", "4T"].map(bytes), [1024, 2000, 3 * 2 ** 30, 4e12]);
    assert.deepEqual(["90m", "2h", "1d"].map(seconds), [5400, 7200, 86_400]);
  });

  it("takes a chart by path, without a version", () => {
    const settings = readSettings(source("primary", { hosts, chart: { path: "./nats-1.2.4.tgz" } }));
    assert.deepEqual(settings.chart, { chart: "./nats-1.2.4.tgz", repository: undefined, version: undefined });
  });

  it("is frozen, all the way down", () => {
    const settings = readSettings(source("primary", { hosts })) as PrimarySettings;
    assert.ok([settings, settings.hosts, settings.images, settings.images.nats].every(Object.isFrozen));
  });

  describe("Pulumi.edge.yaml", () => {
    const sharedFile =
      "config:\n  ops-nats:replicas: 3\n  ops-nats:images: {registry: r.example, nats: {tag: 2.12.15-alpine}}\n";

    it("lies below the edge's own file, merged key by key", () => {
      const settings = readSettings(source("edge-1", { images: { nats: { repository: "mynats" } } }, { sharedFile }));
      assert.equal(settings.replicas, 3);
      assert.deepEqual(settings.images, {
        ...primary.images,
        registry: "r.example",
        nats: { repository: "mynats", tag: "2.12.15-alpine" },
      });
    });

    it("is not read for a primary, nor for the stack edge, whose own file it is", () => {
      assert.equal(readSettings(source("primary", { hosts }, { sharedFile })).replicas, 3);
      assert.equal(readSettings(source("primary", { hosts }, { sharedFile })).images.registry, undefined);
      assert.equal(readSettings(source("edge", {}, { sharedFile })).replicas, 1);
    });

    it("refuses secure: values, other namespaces and what is not YAML", () => {
      const secure = "config:\n  ops-nats:namespace: {secure: v1:abc}\n";
      fault("edge-1", {}, /^Pulumi.edge.yaml: ops-nats:namespace: expected no secure: value/, { sharedFile: secure });
      const foreign = "config:\n  kubernetes:context: edge-1\n";
      fault("edge-1", {}, /^Pulumi.edge.yaml: kubernetes:context: expected keys of ops-nats: only/, {
        sharedFile: foreign,
      });
      fault("edge-1", {}, /Pulumi.edge.yaml: expected YAML/, { sharedFile: "config: [" });
      fault("edge-1", {}, /Pulumi.edge.yaml: expected a map/, { sharedFile: "config: 3" });
    });

    for (const [stack, file] of [
      ["primary", "Pulumi.primary.yaml"],
      ["edge-1", "Pulumi.edge.yaml"],
    ] as const) {
      it(`${file} as committed is valid${stack === "primary" ? " once hosts is filled in" : ""}`, () => {
        const text = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");
        const keys = { ...(parse(text) as { config: Record<string, unknown> }).config };
        readSettings(stack === "primary" ? source(stack, { ...keys, hosts }) : source(stack, {}, { sharedFile: text }));
      });
    }
  });

  it("lets an edge's own chart replace the shared one whole", () => {
    const sharedFile = "config: {ops-nats:chart: {version: 1.2.4}}";
    const settings = readSettings(source("edge-1", { chart: { path: "./x" } }, { sharedFile }));
    assert.deepEqual(settings.chart, { chart: "./x", repository: undefined, version: undefined });
  });
});
