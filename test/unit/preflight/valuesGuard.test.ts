// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { isMap, merge } from "../../../lib/merge.ts";
import type { Values } from "../../../nats/chartValues.ts";
import { valuesFaults } from "../../../preflight/valuesGuard.ts";
import { edgeOf, link, primaryOf, settingsOf, store } from "../../harness/programValues.ts";
import { faults, hosts } from "../../harness/source.ts";

/** `at("config.merge", x)` is `{ config: { merge: x } }`. */
const at = (path: string, value: unknown): Values =>
  path.split(".").reduceRight<unknown>((below, key) => ({ [key]: below }), value) as Values;
const keys = (role: "primary" | "edge", values: unknown) => valuesFaults(values, role).map(({ key }) => key);
const patch = (op: string, path: string, more: object = { value: {} }) => [{ op, path, ...more }];

/** Path of each value of a tree of maps; lists are values. */
const leaves = (value: unknown, path: readonly string[] = []): (readonly string[])[] =>
  isMap(value) ? Object.entries(value).flatMap(([key, below]) => leaves(below, [...path, key])) : [path];

describe("values", () => {
  const both: [path: string, value: unknown, use?: string][] = [
    ["config.merge.accounts", { A: {} }, "extraAccounts"],
    ["config.merge.Accounts", { A: {} }, "extraAccounts"],
    ["fullnameOverride", "x"],
    ["nameOverride", "x"],
    ["namespaceOverride", "x", "namespace"],
    ["service.name", "x"],
    ["headlessService.name", "x"],
    ["statefulSet.name", "x"],
    ["configMap.name", "x"],
    ["reloader.enabled", false],
    ["reloader.merge.args", []],
    ["podTemplate.configChecksumAnnotation", false],
    ["config.serverNamePrefix", "x"],
    ["config.cluster.enabled", true, "replicas"],
    ["config.cluster.replicas", 5, "replicas"],
    ["config.cluster.merge.name", "x"],
    ["config.cluster.merge.routes", []],
    ["config.merge.cluster.pool_size", 3, "values.config.cluster.merge"],
    ["config.nats.port", 4333],
    ["config.nats.tls.enabled", true],
    ["config.monitor.enabled", false],
    ["config.monitor.port", 1],
    ["config.gateway.enabled", true],
    ["config.resolver.enabled", true, "extraAccounts"],
    ["config.jetstream.enabled", true, "persistence"],
    ["config.jetstream.merge.domain", "x"],
    ["config.jetstream.merge.StoreDir", "/x"],
    ["config.jetstream.fileStore.pvc.size", "9Gi", "persistence.size"],
    ["config.jetstream.fileStore.pvc.merge.spec.storageClassName", "x", "persistence.size"],
    ...["server_name", "system", "system_account", "authorization", "no_auth_user", "operator", "account_resolver"].map(
      (key): [string, unknown] => [`config.merge.${key}`, "x"],
    ),
    ["config.merge.port", 1],
    ["config.merge.monitor_port", 1],
    ["config.merge.$include", "x.conf"],
    ["config.merge.zz$include", "x.conf"],
    ["config.merge.ws.no_auth_user", "app"],
    ["config.websocket.merge.no_auth_user", "app"],
    ["config.websocket.merge.a$include", "x.conf"],
    ["config.merge.$tplYaml", "x"],
    ["config.$tplYaml", "x"],
    ["podTemplate.merge.spec.x.$tplYamlSpread", "x"],
    ["container.image.tag", "x", "images.nats"],
    ["container.image.fullImageName", "x", "images.nats"],
    ["container.image.registry", "x", "images.registry"],
    ["reloader.image.tag", "x", "images.reloader"],
    ["natsBox.container.image.repository", "x", "images.natsBox"],
    ["container.env.QUOTED_SERVER_NAME", "x"],
    ["container.env.GOMEMLIMIT", "1GiB", "resources.limits.memory"],
    ["container.merge.resources.limits.memory", "1Gi", "resources"],
    ["container.merge.resources.limits.cpu", "1", "resources"],
    ["container.merge.env", [], "values.container.env"],
    ["container.merge.volumeMounts", [], "values.container.patch"],
    ["container.ports.nats.containerPort", 1],
    ["podTemplate.merge.spec.volumes", [], "values.podTemplate.patch"],
    ["podTemplate.merge.spec.terminationGracePeriodSeconds", 10],
    ["statefulSet.merge.spec.replicas", 1, "replicas"],
    ["statefulSet.merge.spec.template.spec.containers", [], "values.podTemplate.patch"],
    ["statefulSet.merge.spec.updateStrategy", { type: "OnDelete" }],
    ["service.enabled", false],
    ["service.ports.nats.enabled", false],
    ["service.merge.metadata.name", "x"],
    ["headlessService.merge.spec.publishNotReadyAddresses", false],
    ["configMap.merge.data", {}, "values.config.merge"],
    ["config", null],
    ["container", "x"],
    ["podTemplate.merge.spec", null],
    ["config.cluster.port", 6333],
    ["config.cluster.routeURLs", { user: "a", password: "b" }],
  ];
  const edge: typeof both = [
    ["config.leafnodes.enabled", true, "extraRemotes or leafPort"],
    ["config.leafnodes.merge.remotes", [], "extraRemotes or leafPort"],
    ["config.merge.leafnodes.remotes", [], "extraRemotes or leafPort"],
    ["config.merge.leaf", {}, "extraRemotes or leafPort"],
  ];
  const primary: typeof both = [
    ["config.leafnodes.enabled", false],
    ["config.leafnodes.port", 1, "leafPort"],
    ["config.leafnodes.tls.enabled", true, "tls"],
    ["config.leafnodes.merge.advertise", "x", "hosts and leafPort"],
    ["config.leafnodes.merge.authorization", {}, "edges or extraAccounts"],
    ["config.merge.leafnodes.port", 1, "leafPort"],
    ["config.merge.server_tags", ["x"]],
    ["container.env.OWN_SUBJECT", "x"],
    ["service.ports.leafnodes.enabled", true, "leafPort"],
    ["service.ports.leafnodes.nodePort", 30000, "leafPort"],
    ["service.ports.nats.nodePort", 30000, "clientPort"],
    ["service.merge.spec.type", "ClusterIP", "clientPort"],
  ];
  for (const [roles, cases] of [
    [["primary", "edge"], both],
    [["edge"], edge],
    [["primary"], primary],
  ] as const) {
    for (const [path, value, use] of cases) {
      it(`refuse ${path} at ${roles.join(" and ")}${use ? ` for ${use}` : ""}`, () => {
        for (const role of roles) {
          const [fault, ...more] = valuesFaults(
            at(path, isMap(value) && !Object.keys(value).length ? { a: 1 } : value),
            role,
          );
          assert.ok(fault && more.length === 0, `${more.length} more`);
          assert.ok(`values.${path}.`.startsWith(`${fault.key.replace(/\["(.*?)"\]/g, ".$1")}.`), fault.key);
          assert.match(fault.expected, use ? new RegExp(`^ops-nats:${use}.* instead`) : /^n/);
          assert.equal(fault.command, `pulumi config rm --path 'ops-nats:${fault.key}'`);
        }
      });
    }
  }

  it("refuse another value for whatever the program sets, but for what is listed here", () => {
    const sets = [
      ["primary", primaryOf({ persistence: { enabled: true }, images: { registry: "r", pullSecrets: ["s"] } })],
      ["edge", edgeOf({ replicas: 3, images: { nats: { tag: "2.10.20-alpine" } } }, { ...link, store })],
    ] as const;
    for (const [role, values] of sets) {
      const all = leaves(values).filter((path) => path.at(-1) !== "patch");
      assert.ok(all.length > 25);
      const free = all.filter(
        (path) =>
          keys(
            role,
            path.reduceRight<unknown>((v, key) => ({ [key]: v }), "other"),
          ).length === 0,
      );
      const settable = (paths: string[]) => new Set(paths.map((path) => path.replace(OPEN, "$1"))).size;
      const names = free.map((path) => path.join("."));
      assert.deepEqual(
        [...new Set(names.map((name) => name.replace(OPEN, "$1")))].filter((name) => !SETTABLE.includes(name)),
        [],
      );
      assert.ok(settable(names) > 5);
    }
  });
  const OPEN = /(Probe|topologySpreadConstraints)\..*/;
  const SETTABLE = [
    "podTemplate.topologySpreadConstraints",
    ...[
      "config.cluster.merge.pool_size",
      "config.jetstream.merge.sync_interval",
      "config.jetstream.merge.max_buffered_msgs",
    ],
    ...["config.jetstream.merge.max_buffered_size", "config.leafnodes.merge.compression", "config.merge.ping_interval"],
    ...["config.merge.ping_max", "container.merge.startupProbe", "container.merge.readinessProbe"],
  ];

  const patches: [path: string, list: unknown, refused: boolean][] = [
    ["config.patch", patch("replace", "/server_name"), true],
    ["config.patch", patch("remove", "/Accounts/A"), true],
    ["config.patch", patch("move", "/x", { from: "/system_account" }), true],
    ["config.patch", patch("add", ""), true],
    ["config.patch", patch("add", "/max_payload", { value: 1 }), false],
    ["config.patch", patch("test", "/server_name"), false],
    ["config.cluster.patch", patch("add", "/routes/-"), true],
    ["config.cluster.patch", patch("replace", "/pool_size"), false],
    ["container.patch", patch("add", "/volumeMounts/-"), false],
    ["container.patch", patch("replace", "/volumeMounts/0"), true],
    ["container.patch", patch("add", "/args/-"), true],
    ["podTemplate.patch", patch("add", "/spec/volumes/-"), false],
    ["podTemplate.patch", patch("add", "/spec/containers/-"), false],
    ["podTemplate.patch", patch("add", "/spec/containers/0/args/-"), true],
    ["podTemplate.patch", patch("add", "/metadata/annotations/checksum~1config"), true],
    ["statefulSet.patch", patch("remove", "/spec/template", {}), true],
    ["service.patch", patch("add", "/spec/ports/-"), false],
    ["service.patch", patch("replace", "/spec/ports"), true],
    ["service.patch", "x", true],
  ];
  for (const [path, list, refused] of patches) {
    it(`${refused ? "refuse" : "take"} ${path}: ${JSON.stringify(list)}`, () => {
      for (const role of ["primary", "edge"] as const) {
        const expected = Array.isArray(list) ? `values.${path}[0]` : `values.${path}`;
        assert.deepEqual(keys(role, at(path, list)), refused ? [expected] : []);
      }
    });
  }

  const taken: [role: "primary" | "edge", path: string, value: unknown][] = [
    ["edge", "service", { merge: { spec: { type: "NodePort" } }, ports: { nats: { nodePort: 30000 } } }],
    ["primary", "service.merge.spec.type", "LoadBalancer"],
    ["primary", "config.leafnodes.merge.remotes", [{ url: "nats-leaf://x:1" }]],
  ];
  const takenByBoth: [path: string, value: unknown][] = [
    ["natsBox.enabled", false],
    ["reloader.enabled", true],
    ["fullnameOverride", ""],
    ["config.merge", {}],
    ["podTemplate.merge", { spec: {} }],
    ["container.patch", null],
    ["config.merge", { max_payload: 1, ping_max: 3, lame_duck_duration: "30s" }],
    ["config.websocket", { enabled: true, merge: { no_tls: true } }],
    ["config.cluster.merge", { pool_size: 3, accounts: ["APP"] }],
    ["config.jetstream.fileStore.maxSize", "4Gi"],
    ["config.jetstream.memoryStore", { enabled: true, maxSize: "64Mi" }],
    ["container.env", { GOGC: "50" }],
    [
      "container.merge",
      { startupProbe: { initialDelaySeconds: 12 }, resources: { limits: { "ephemeral-storage": "1Gi" } } },
    ],
    ["container.image.pullPolicy", "Always"],
    ["podTemplate.merge.spec", { nodeSelector: { a: "b" }, terminationGracePeriodSeconds: 90 }],
    ["podTemplate.merge.metadata.annotations", { again: "yes", from: { $tplYaml: "x" } }],
    ["statefulSet.merge.metadata.labels", { team: "a" }],
    ["promExporter.enabled", true],
    ["extraResources", [{ kind: { $tplYaml: "x" } }]],
  ];
  for (const [path, value] of takenByBoth) taken.push(["primary", path, value], ["edge", path, value]);
  for (const [role, path, value] of taken) {
    it(`take ${path}: ${JSON.stringify(value)} at a ${role}`, () => assert.deepEqual(keys(role, at(path, value)), []));
  }

  it("are refused with all other faults of the configuration, and show no password", () => {
    const accounts = { A: { users: [{ user: "a", password: "pw-of-a" }] } };
    const values = merge(at("config.merge.accounts", accounts), at("config.merge.authorization.token", "pw-token"));
    const lines = faults("primary", { hosts, replicas: 0, values });
    assert.deepEqual(lines.map((line) => /^ops-nats:([^:]+):/.exec(line)?.[1]).sort(), [
      "replicas",
      "values.config.merge.accounts",
      "values.config.merge.authorization",
    ]);
    assert.ok(!/pw-/.test(lines.join()), lines.join("\n"));
  });

  it("of an edge that are also in Pulumi.edge.yaml are read as one", () => {
    const sharedFile = "config: {ops-nats:values: {config: {leafnodes: {enabled: true}}}}";
    assert.match(faults("edge-1", {}, { sharedFile }).join(), /leafnodes.*next: edit Pulumi.edge.yaml$/);
    settingsOf("edge-1", { values: { natsBox: { enabled: false } } });
  });
});
