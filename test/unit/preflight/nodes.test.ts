// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mock } from "node:test";
import type { V1Node } from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import { warnFewNodes } from "../../../preflight/nodes.ts";
import { unreachable, untouched, warnings } from "../../harness/fakeClusters.ts";
import { edgeOf, primaryOf } from "../../harness/programValues.ts";

const node = (spec: V1Node["spec"] = {}, ready = "True", labels: Record<string, string> = {}): V1Node => ({
  metadata: { labels },
  spec,
  status: { conditions: [{ type: "Ready", status: ready }] },
});
const taint = (effect: string, key = "dedicated") => node({ taints: [{ key, value: "db", effect }] });

const toleration = (t: object) => ({ values: { podTemplate: { merge: { spec: { tolerations: [t] } } } } });
const spread = (constraint: unknown) => ({ values: { podTemplate: { topologySpreadConstraints: constraint } } });

describe("nodes for servers", () => {
  const told = (nodes: readonly V1Node[], values: Record<string, unknown>) =>
    warnings(() => warnFewNodes({ ...untouched, nodes: async () => nodes }, values));

  for (const [what, nodes, keys, few] of [
    ["as many as servers", [node(), node(), node()], {}, undefined],
    ["one", [node()], {}, "one node is"],
    ["one too few", [node(), node()], {}, "2 nodes are"],
    ["one cordoned", [node(), node(), node({ unschedulable: true })], {}, "2 nodes are"],
    ["one not ready", [node(), node(), node({}, "Unknown")], {}, "2 nodes are"],
    ["one tainted", [node(), node(), taint("NoSchedule")], {}, "2 nodes are"],
    ["one that drives out", [node(), node(), taint("NoExecute")], {}, "2 nodes are"],
    ["one that is rather left", [node(), node(), taint("PreferNoSchedule")], {}, undefined],
    ["a taint that is tolerated", [node(), node(), taint("NoSchedule")], toleration({ operator: "Exists" }), undefined],
    [
      "a taint of a value that is tolerated",
      [node(), node(), taint("NoSchedule")],
      toleration({ key: "dedicated", value: "db" }),
      undefined,
    ],
    [
      "a taint of another value",
      [node(), node(), taint("NoSchedule")],
      toleration({ key: "dedicated", value: "web" }),
      "2 nodes are",
    ],
    [
      "another effect that is tolerated",
      [node(), node(), taint("NoSchedule")],
      toleration({ key: "dedicated", operator: "Exists", effect: "NoExecute" }),
      "2 nodes are",
    ],
    [
      "nodes that were not chosen",
      [node({}, "True", { pool: "nats" }), node(), node()],
      { values: { podTemplate: { merge: { spec: { nodeSelector: { pool: "nats" } } } } } },
      "one node is",
    ],
    [
      "fewer, as was meant",
      [node()],
      spread({ "kubernetes.io/hostname": { whenUnsatisfiable: "ScheduleAnyway" } }),
      undefined,
    ],
    ["fewer, with no spread", [node()], spread(null), undefined],
    ["fewer, with none by node", [node()], spread({ "kubernetes.io/hostname": null }), undefined],
    ["none", [], { replicas: 5 }, "0 nodes are"],
  ] as const) {
    it(`${few === undefined ? "no warning" : "a warning"}: ${what}`, async () => {
      const lines = await told(nodes, primaryOf(keys));
      assert.equal(lines.length, few === undefined ? 0 : 1);
      if (few === undefined) return;
      const line = lines[0] ?? "";
      assert.match(line, new RegExp(`^${"replicas" in keys ? 5 : 3} servers, but ${few} ready and open to them: `));
      assert.match(line, /Fix: .*ops-nats:replicas.*ops-nats:values\.podTemplate\.topologySpreadConstraints/);
    });
  }

  it("of a lone server are not asked for", () => warnFewNodes(untouched, edgeOf()));

  it("that may not be listed are a line of information, no warning", async () => {
    const { far, asked } = unreachable();
    const info = mock.method(pulumi.log, "info", async () => {});
    try {
      assert.deepEqual(await warnings(() => warnFewNodes(far, primaryOf())), []);
    } finally {
      info.mock.restore();
    }
    assert.deepEqual(asked, ["nodes"]);
    const lines = info.mock.calls.map(({ arguments: [text] }: { arguments: unknown[] }) => String(text));
    assert.deepEqual(lines, ["how many nodes there are for 3 servers is not known (connect ECONNREFUSED)"]);
  });
});
