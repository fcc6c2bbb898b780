// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { primaryPlan } from "../../../nats/primaryStreams.ts";
import { edgePlan, type Plan, type StreamConfig } from "../../../nats/streams.ts";

const retention = { maxAge: 3600, whenFull: "keep-newest" } as const;
const claim = { size: "10G", storageClass: undefined };

describe("streams", () => {
  const edge = (name: string, more: { publish?: string[]; persistence?: boolean } = {}) => ({
    name,
    publish: more.publish ?? [],
    persistence: more.persistence ?? true,
  });
  const pods = ["nats-0", "nats-1", "nats-2"];
  const primary = (edges: ReturnType<typeof edge>[], more: object = {}) =>
    primaryPlan({ claim, retention, replicas: 3, pods, edges, underWay: 250, ...more });
  const atEdge = (more: object = {}) =>
    edgePlan({ claim, retention, replicas: 1, edge: "edge-1", subjects: ["a.>"], underWay: 250, ...more });
  const get = (plan: Plan, name: string): StreamConfig =>
    plan.streams.map(({ config }) => config).find((config) => config.name === name) ?? assert.fail(name);
  const names = (plan: Plan) => plan.streams.map(({ config }) => config.name);
  const total = (plan: Plan, pod: string) =>
    plan.streams
      .map(({ config }) => config)
      .filter(({ name }) => !name.startsWith("own-") || name === `own-${pod}`)
      .reduce((sum, { max_bytes }) => sum + max_bytes, 0);

  it("of an edge: one, on its own subjects, within its claim, read by a consumer that keeps the place", () => {
    assert.deepEqual(atEdge(), {
      streams: [
        {
          origin: true,
          config: {
            name: "ops",
            subjects: ["a.>"],
            storage: "file",
            num_replicas: 1,
            max_bytes: 8e9,
            max_age: 3600e9,
            discard: "old",
            duplicate_window: 1e8,
          },
        },
      ],
      consumers: [
        {
          stream: "ops",
          remote: true,
          config: {
            name: "edge-1",
            durable_name: "edge-1",
            deliver_subject: "up.edge-1.fetched",
            deliver_policy: "all",
            ack_policy: "flow_control",
            flow_control: true,
            idle_heartbeat: 1e9,
            max_ack_pending: 250,
          },
        },
      ],
    });
  });

  it("that clients publish into look at ids for a tenth of a second, what has sources not at all", () => {
    const { streams } = primary([edge("edge-1", { persistence: false })]);
    const windows = streams.map(({ config }) => [config.name.replace(/-.*/, ""), config.duplicate_window]);
    const short = ["own", "own", "own", "direct"].map((name) => [name, 1e8]);
    assert.deepEqual(windows, [...short, ["in", undefined], ["ops", undefined]]);
  });

  it("of an edge of three: three copies", () => {
    assert.equal(get(atEdge({ replicas: 3 }), "ops").num_replicas, 3);
  });

  it("of a primary: a server's own, the intake, ops; limits together below the claim", () => {
    const plan = primary([edge("edge-1"), edge("edge-2")]);
    assert.deepEqual(names(plan), ["own-nats-0", "own-nats-1", "own-nats-2", "in", "ops"]);
    assert.ok(total(plan, "nats-0") <= 9e9);
    assert.ok(total(primary([edge("edge-1", { persistence: false })]), "nats-0") <= 9e9);
    assert.equal(get(plan, "in").max_bytes, get(plan, "ops").max_bytes);
    assert.equal(plan.reader, "in");
    assert.deepEqual(plan.brake, { stream: "in", account: "STORE", above: 5e8 });
    const own = get(plan, "own-nats-1");
    assert.deepEqual([own.num_replicas, own.subjects, own.placement], [1, ["own.nats-1.>"], { tags: ["nats-1"] }]);
    assert.deepEqual([get(plan, "in").num_replicas, get(plan, "ops").num_replicas], [3, 3]);
  });

  it("edges are braked only where logs are kept for replicas", () => {
    assert.equal(primary([edge("edge-1")], { replicas: 1, pods: ["nats-0"] }).brake, undefined);
    assert.equal(atEdge({ replicas: 3 }).brake, undefined);
  });

  it("files everything under who sent it: the intake has a source for each, and no subjects of its own", () => {
    const { sources, subjects } = get(primary([edge("edge-1")]), "in") as StreamConfig & { sources: object[] };
    assert.equal(subjects, undefined);
    assert.deepEqual(sources.slice(-1), [
      {
        name: "ops",
        external: { api: "$JS.edge-1.API", deliver: "up.edge-1" },
        consumer: { name: "edge-1", deliver_subject: "up.edge-1.fetched" },
        subject_transforms: [{ src: ">", dest: "in.edge-1.>" }],
      },
    ]);
    assert.equal(sources.length, 4);
  });

  it("ops is the same for every list of edges, and found by ops.>", () => {
    const ops = get(primary([]), "ops");
    assert.deepEqual(get(primary([edge("edge-1"), edge("edge-2", { persistence: false })]), "ops"), ops);
    assert.deepEqual(ops.subjects, ["ops.>"]);
    assert.deepEqual(ops.republish, { src: ">", dest: "live.>" });
  });

  it("ops reads the intake by a consumer that keeps the place and hands over what ops files, no more", () => {
    const plan = primary([edge("edge-1")]);
    const { config } = plan.consumers.find(({ stream }) => stream === "in") ?? assert.fail();
    const { sources } = get(plan, "ops") as StreamConfig & { sources: { consumer: object }[] };
    assert.deepEqual(sources[0]?.consumer, { name: config.name, deliver_subject: config.deliver_subject });
    assert.deepEqual(config.filter_subjects, ["in.*.ops.clusters.*.>", "in.*.ops.notifications.>"]);
    assert.equal(config.filter_subject, undefined);
  });

  it("takes what an entry adds to publish, from that edge alone", () => {
    const ops = get(primary([edge("edge-1", { publish: ["audit.*.x", "m.>"] })]), "ops") as StreamConfig & {
      sources: object[];
    };
    assert.deepEqual(ops.sources.slice(1), [
      { name: "in", subject_transforms: [{ src: "in.edge-1.audit.*.x", dest: "audit.$1.x" }] },
      { name: "in", subject_transforms: [{ src: "in.edge-1.m.>", dest: "m.>" }] },
    ]);
  });

  it("has a stream for edges that do not store, only where there are some", () => {
    const plan = primary([edge("edge-1"), edge("edge-2", { persistence: false })]);
    assert.deepEqual(names(plan), ["own-nats-0", "own-nats-1", "own-nats-2", "direct", "in", "ops"]);
    assert.deepEqual(
      plan.consumers.map(({ stream, config }) => `${stream}.${config.name}`),
      ["own-nats-0.in", "own-nats-1.in", "own-nats-2.in", "direct.edge-2", "in.ops"],
    );
    // an edge would choose who hears that it is stored
    assert.equal(plan.streams.find(({ config }) => config.name === "direct")?.config.no_ack, true);
  });

  it("keep the oldest where that is wished, but at the primary, whose sources would lose what is refused", () => {
    const plan = primary([edge("edge-1")], { retention: { maxAge: 60, whenFull: "keep-oldest" } });
    assert.ok(plan.streams.length > 2);
    for (const { config } of plan.streams) assert.equal(config.discard, "old", config.name);
  });

  it("hold no template of Go's, which the nats command would fill in", () => {
    assert.doesNotMatch(JSON.stringify(primary([edge("edge-1", { publish: ["a.*.b"] })])), /\{\{/);
  });
});
