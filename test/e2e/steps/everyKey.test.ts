// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { edgeSchema, primarySchema } from "../../../config/schema.ts";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { configOf, UP, type World, world } from "../../harness/clusters/world.ts";

interface Port {
  readonly port: number;
  readonly nodePort?: number;
}

/** What a cluster is asked after a change: one word of what it does. */
type Question = (w: World) => Promise<unknown>;

const port =
  (name: string, number: number): Question =>
  async (w) => {
    const { spec } = await w.kubectl.primary.json<{ spec: { ports: Port[] } }>(["get", "service", name]);
    return spec.ports.find(({ port }) => port === number)?.nodePort;
  };
const nodeOf =
  (stack: "primary" | "edge-1", what: string, path: string): Question =>
  (w) =>
    w.kubectl[stack].run(["get", what, "-o", `jsonpath={${path}}`]);
const include =
  (stack: "primary" | "edge-1", pattern: RegExp): Question =>
  async (w) => {
    const text = await w.kubectl[stack].run([
      "get",
      "secret",
      "ops-nats-auth",
      "-o",
      "jsonpath={.data.ops-nats\\.conf}",
    ]);
    return pattern.test(Buffer.from(text, "base64").toString());
  };
const container = ".spec.template.spec.containers[?(@.name=='nats')]";

/**
 * What one row is asked, the next one's change has to leave alone: it is asked once that is made. For each key a change to another valid value, what answers for it, and the answers before and after.
 */
interface Change {
  readonly key: string;
  readonly to: unknown;
  readonly ask: Question;
  readonly answers: readonly [before: unknown, after: unknown];
}

const PRIMARY: readonly Change[] = [
  {
    key: "hosts",
    to: ["primary.example.org", "203.0.113.7"],
    ask: async (w) => (await w.workspace.outputs("primary")).leafUrl,
    answers: [`tls://${layoutOf("primary").address}:32222`, "tls://primary.example.org:32222"],
  },
  {
    key: "namespace",
    to: "events",
    ask: async (w) => (await w.workspace.outputs("primary")).clientUrl,
    answers: ["nats://nats.ops-system.svc:4222", "nats://nats.events.svc:4222"],
  },
  { key: "clientPort", to: 0, ask: port("nats", 4222), answers: [32223, undefined] },
  { key: "leafPort", to: 32299, ask: port("nats-leaf", 7422), answers: [32222, 32299] },
  { key: "clientPort", to: 32224, ask: port("nats", 4222), answers: [32223, 32224] },
  {
    key: "edgeLimits",
    to: { links: 5, subscriptions: 70 },
    ask: include("primary", /max_leafnodes: 5, max_subscriptions: 70 /),
    answers: [false, true],
  },
  {
    key: "edges",
    to: ["edge-1", { name: "edge-2", receive: ["commands.>"] }, "edge-9"],
    ask: include("primary", /"EDGE-edge-9" \{ limits/),
    answers: [false, true],
  },
  { key: "replicas", to: 3, ask: nodeOf("primary", "statefulset/nats", ".spec.replicas"), answers: ["1", "3"] },
  {
    key: "images",
    to: { nats: { tag: "2.10.20-alpine" } },
    ask: nodeOf("primary", "statefulset/nats", `${container}.image`),
    answers: ["nats:2.15.3-alpine", "nats:2.10.20-alpine"],
  },
  {
    key: "values",
    to: { container: { env: { EXTRA: "yes" } } },
    ask: nodeOf("primary", "statefulset/nats", `${container}.env[?(@.name=='EXTRA')].value`),
    answers: ["", "yes"],
  },
  {
    key: "resources",
    to: { limits: { memory: "512Mi" } },
    ask: nodeOf("primary", "statefulset/nats", `${container}.env[?(@.name=='GOMEMLIMIT')].value`),
    answers: ["870MiB", "435MiB"],
  },
  {
    key: "tls",
    to: { enabled: false },
    ask: async (w) => (await w.workspace.outputs("primary")).leafUrl,
    answers: [`tls://${layoutOf("primary").address}:32222`, `nats-leaf://${layoutOf("primary").address}:32222`],
  },
  {
    key: "release",
    to: "ops-nats",
    ask: async (w) => (await w.workspace.outputs("primary")).clientUrl,
    answers: ["nats://nats.ops-system.svc:4222", "nats://ops-nats.ops-system.svc:4222"],
  },
];

const EDGE: readonly Change[] = [
  {
    key: "acceptClusterNames",
    to: ["default"],
    ask: include("edge-1", /ops\.clusters\.default/),
    answers: [false, true],
  },
  { key: "replicas", to: 3, ask: nodeOf("edge-1", "statefulset/nats", ".spec.replicas"), answers: ["1", "3"] },
  {
    key: "leafPort",
    to: 32290,
    ask: async (w) => {
      const { spec } = await w.kubectl["edge-1"]
        .json<{ spec: { ports: Port[] } }>(["get", "service", "nats-leaf"])
        .catch(() => ({ spec: { ports: [] as Port[] } }));
      return spec.ports[0]?.nodePort;
    },
    answers: [undefined, 32290],
  },
  {
    key: "edge",
    to: "edge-2",
    ask: nodeOf("edge-1", "secret/ops-nats-auth", ".metadata.annotations.ops-nats/edge"),
    answers: ["edge-1", "edge-2"],
  },
  {
    key: "timeoutSeconds",
    to: 500,
    ask: nodeOf("edge-1", "deployment/nats-controller", ".metadata.annotations.pulumi\\.com/timeoutSeconds"),
    answers: ["600", "500"],
  },
];

/** Keys that name where and what a stack is, or that other tests change and take back on running stacks. */
const ELSEWHERE = {
  primary: ["role", "inCluster", "adopt", "chart", "persistence", "timeoutSeconds", "extraAccounts"],
  edge: [
    "role",
    "inCluster",
    "adopt",
    "chart",
    "persistence",
    "primaryStack",
    "namespace",
    "release",
    "images",
    "resources",
    "values",
    "extraAccounts",
    "extraRemotes",
  ],
};

describe("every key is changed, and taken back by the up that changes the next, on stacks that run", () => {
  let w: World;
  const lone = { edges: ["edge-1", "edge-2"], replicas: 1 }; // one server is replaced in a third of the time
  before(async () => {
    w = await world();
    await w.ensure("primary", lone);
    await w.ensure("edge-1");
  });

  it("has a row for every key", () => {
    const keys = (schema: object) => Object.keys(schema).sort();
    const rows = (changes: readonly Change[], other: readonly string[]) =>
      [...new Set([...changes.map(({ key }) => key), ...other])].sort();
    assert.deepEqual(rows(PRIMARY, ELSEWHERE.primary), keys(primarySchema.shape));
    assert.deepEqual(rows(EDGE, ELSEWHERE.edge), keys(edgeSchema.shape));
  });

  for (const [stack, changes, base] of [
    ["primary", PRIMARY, lone],
    ["edge-1", EDGE, {}],
  ] as const) {
    const becomes = async (config: object) => {
      await w.configure(stack, { ...base, ...config });
      const { failed, text } = await w.pulumi(stack, ...UP);
      assert.ok(!failed, `${JSON.stringify(await configOf(w, stack))}\n${text}`);
    };

    const asBefore = async () => {
      for (const { key, ask, answers } of changes) assert.deepEqual(await ask(w), answers[0], key);
    };

    it(`${stack}: what each is asked, before`, asBefore);

    // each is taken back by the `up` that makes the next change: half as many, and two changes in each
    changes.forEach(({ key, to, ask, answers }, i) => {
      const former = changes[i - 1];
      it(`${stack}: ${key} to ${JSON.stringify(to)}${former ? `, and ${former.key} back` : ""}`, async () => {
        await becomes({ [key]: to });
        assert.deepEqual(await ask(w), answers[1]);
        if (former) assert.deepEqual(await former.ask(w), former.answers[0], `${former.key} is back`);
      });
    });

    it(`${stack}: the last one back`, async () => {
      await becomes({});
      await asBefore();
    });
  }
});
