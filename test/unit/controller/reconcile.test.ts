// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { merged } from "../../../controller/merged.ts";
import type { Found, Link, Moment, Observed, Server, StreamInfo } from "../../../controller/observed.ts";
import { type Action, BEGINNING, type Memory, needs, type Outcome, reconcile } from "../../../controller/reconcile.ts";
import { primaryPlan } from "../../../nats/primaryStreams.ts";
import type { Plan } from "../../../nats/streams.ts";
import { claim, lonePlan } from "../../harness/controllerPlan.ts";

const START = Date.UTC(2026, 10, 30);
const at = (seconds: number): Moment => ({ date: START + seconds * 1000, uptime: 1000 + seconds });
const iso = (date: number): string => new Date(date).toISOString();

/** A cluster that does what it is told, and can be harmed. */
class FakeCluster {
  readonly plan: Plan;
  readonly streams = new Map<string, StreamInfo>();
  readonly consumers = new Map<string, object>();
  readonly done: Action[] = [];
  readonly said: string[] = [];
  readonly silent = new Set<string>();
  servers: Server[];
  memory: Memory = BEGINNING;

  constructor(plan: Plan, servers: number) {
    this.plan = plan;
    this.servers = Array.from({ length: servers }, (_, i) => ({
      ...{ name: `nats-${i}`, id: `first-${i}`, sick: false, started: START - 60_000 },
    }));
  }

  observed(): Observed {
    const found = <T>(name: string, info: T | undefined): Found<T> =>
      this.silent.has(name)
        ? { is: "unknown", why: "no answer" }
        : info === undefined
          ? { is: "missing" }
          : { is: "there", info };
    const { streams, consumers } = this.plan;
    return {
      servers: this.servers,
      streams: Object.fromEntries(streams.map(({ config: { name } }) => [name, found(name, this.streams.get(name))])),
      consumers: Object.fromEntries(
        consumers.map(({ stream, config: { name } }) => {
          const key = `${stream}.${name}`;
          const info = this.consumers.get(key);
          return [key, found(key, info && { config: info as { max_ack_pending: number } })];
        }),
      ),
    };
  }

  /** One look, and what follows from it. */
  look(now: Moment): Outcome {
    const outcome = reconcile(this.plan, this.observed(), this.memory, now);
    this.memory = outcome.memory;
    this.said.push(...outcome.warned, ...outcome.said);
    for (const action of outcome.actions) this.#apply(action, now);
    return outcome;
  }

  /** Looks each second, from so many on, until nothing is left to do; forty times at most. */
  settle(from: number): readonly Action[] {
    const before = this.done.length;
    for (let i = 0; i < 40; i++) {
      const { actions, problems } = this.look(at(from + i));
      if (actions.length === 0 && problems.length === 0) return this.done.slice(before);
    }
    throw new Error(`not as planned after forty looks: ${this.look(at(from + 40)).problems}`);
  }

  /** "no suitable peers for placement, tags not matched" is what a server answers. */
  #assertPlaced({ name, placement }: Readonly<Record<string, unknown>>): void {
    for (const tag of (placement as { tags?: string[] } | undefined)?.tags ?? [])
      assert.ok(
        this.servers.some((server) => server.name === tag && server.id !== undefined),
        `${name} cannot be at ${tag}`,
      );
  }

  #apply(action: Action, now: Moment): void {
    this.done.push(action);
    if ("config" in action) this.#assertPlaced(action.config);
    if (action.do === "create stream") {
      const subjects =
        "subjects" in action.config || "sources" in action.config ? {} : { subjects: [action.config.name] };
      const state = { messages: 0, bytes: 0, first_seq: 1, first_ts: "0001-01-01T00:00:00Z", last_seq: 0 };
      const config = { ...action.config, ...subjects } as StreamInfo["config"];
      this.streams.set(action.config.name, { config, created: iso(now.date), state });
    } else if (action.do === "update stream") {
      const info = this.streams.get(action.name) ?? assert.fail(action.name);
      this.streams.set(action.name, { ...info, config: action.config as StreamInfo["config"] });
    } else if (action.do === "count on") {
      const info = this.streams.get(action.stream) ?? assert.fail(action.stream);
      const state = { ...info.state, first_seq: action.sequence, last_seq: action.sequence - 1 };
      this.streams.set(action.stream, { ...info, state });
    } else if (action.do !== "publish") {
      assert.ok(this.streams.has(action.stream), "a consumer of nothing");
      this.consumers.set(`${action.stream}.${action.config.name}`, action.config);
    }
  }

  /** A server comes back with an empty disk: its stream is remembered, and counts from one. */
  wipe(pod: number, now: Moment): void {
    const name = `own-nats-${pod}`;
    const info = this.streams.get(name) ?? assert.fail();
    const state = { messages: 0, bytes: 0, first_seq: 1, first_ts: "0001-01-01T00:00:00Z", last_seq: 0 };
    this.streams.set(name, { ...info, created: iso(START - 1e6), state });
    this.consumers.delete(`${name}.in`);
    this.servers = this.servers.map((server, i) =>
      i === pod ? { ...server, id: "second", started: now.date } : server,
    );
  }
}

const edge = { name: "edge-1", publish: [], persistence: true };
const primary = (replicas = 3) =>
  new FakeCluster(
    primaryPlan({
      claim,
      retention: claim,
      replicas,
      edges: [edge, { ...edge, name: "edge-2", persistence: false }],
      underWay: 100,
      pods: Array.from({ length: replicas }, (_, i) => `nats-${i}`),
    }),
    replicas,
  );
const lone = () => new FakeCluster(lonePlan, 1);
const short = (action: Action): string => {
  if (action.do === "create stream") return `create ${action.config.name}`;
  if (action.do === "update stream") return `update ${action.name}`;
  if (action.do === "count on") return `count ${action.stream}`;
  return action.do === "publish" ? `publish ${action.subject}` : `${action.do} ${action.stream}.${action.config.name}`;
};
const order = (actions: readonly Action[], ...wanted: string[]): void => {
  const places = wanted.map((what) => actions.map(short).indexOf(what));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
    actions.map(short).join("\n"),
  );
  assert.ok(!places.includes(-1), `${wanted}\n${actions.map(short).join("\n")}`);
};

describe("controller: what follows from a look", () => {
  it("makes what is read before what reads it, and has it count before it takes an event", () => {
    const cluster = primary();
    const done = cluster.settle(0);
    for (const name of ["own-nats-0", "own-nats-1", "own-nats-2", "direct"])
      order(done, `create ${name}`, `count ${name}`, `update ${name}`, "create in");
    order(done, "create consumer own-nats-0.in", "create in", "create consumer in.ops", "create ops");
    order(done, "create consumer direct.edge-2", "create in");
    const own = cluster.streams.get("own-nats-1") ?? assert.fail();
    assert.deepEqual([own.config.subjects, own.state.first_seq], [["own.nats-1.>"], (START + 1000) * 1000]);
    assert.deepEqual(cluster.settle(100), []);
    assert.deepEqual(cluster.said, []);
  });

  it("takes a stream whose disk was lost off what reads it, until it counts on and has its consumer", () => {
    const cluster = primary();
    cluster.settle(0);
    cluster.wipe(1, at(60));
    const done = cluster.settle(70);
    assert.deepEqual(done.map(short), ["update in", "count own-nats-1", "create consumer own-nats-1.in", "update in"]);
    const [without, , , restored] = done.map((action) =>
      action.do === "update stream" ? (action.config.sources as { name: string }[]).map(({ name }) => name) : [],
    );
    assert.deepEqual([without?.includes("own-nats-1"), restored?.includes("own-nats-1")], [false, true]);
    assert.equal(restored?.length, 5);
  });

  it("does not put it back while nobody can tell whether it counts", () => {
    const cluster = primary();
    cluster.settle(0);
    cluster.wipe(1, at(60));
    assert.deepEqual(cluster.look(at(70)).actions.map(short), ["update in"]);
    cluster.silent.add("own-nats-1");
    const { actions, problems } = cluster.look(at(71));
    assert.deepEqual(actions, []);
    assert.match(
      problems.join("\n"),
      /own-nats-1 cannot be asked for: no answer\nstreams that do not count on yet: own-nats-1/,
    );
    cluster.silent.clear();
    assert.deepEqual(cluster.settle(72).map(short), ["count own-nats-1", "create consumer own-nats-1.in", "update in"]);
  });

  for (const [what, harm] of [
    ["cannot be asked for", (cluster: FakeCluster) => void cluster.silent.add("own-nats-1")],
    [
      "has a server that does not say when it started",
      (cluster: FakeCluster) => {
        cluster.servers = cluster.servers.map((server) => ({ ...server, started: undefined }));
      },
    ],
  ] as const) {
    it(`does not put it back where another has taken it off, and it ${what}`, () => {
      const cluster = primary();
      cluster.settle(0);
      cluster.wipe(1, at(20));
      while (!cluster.said.some((line) => line.includes("nothing"))) {
        const { actions } = cluster.look(at(21));
        if (actions.some((action) => short(action) === "update in")) break;
      }
      cluster.memory = BEGINNING; // another one
      const { servers } = cluster;
      harm(cluster);
      for (let i = 0; i < 20; i++) cluster.look(at(30 + i));
      const read = () => cluster.streams.get("in")?.config.sources?.some(({ name }) => name === "own-nats-1");
      assert.equal(read(), false);
      cluster.silent.clear();
      cluster.servers = servers;
      cluster.settle(60);
      assert.equal(read(), true);
      assert.ok((cluster.streams.get("own-nats-1")?.state.first_seq ?? 0) > 1e15);
    });
  }

  it("does not touch it while what reads it cannot be asked for, nor while its server does not say when it started", () => {
    const cluster = primary();
    cluster.settle(0);
    cluster.wipe(1, at(60));
    cluster.silent.add("in");
    assert.deepEqual(cluster.look(at(70)).actions, []);
    cluster.silent.clear();
    const { servers } = cluster;
    cluster.servers = servers.map((server) => ({ ...server, started: undefined }));
    assert.match(
      cluster.look(at(71)).problems.join(),
      /own-nats-1 is not looked at: its server does not tell when it started/,
    );
    cluster.servers = servers;
    assert.equal(cluster.settle(72).length, 4);
  });

  it("leaves a stream alone that has events of before its server's start, whatever it counts from", () => {
    const cluster = primary();
    cluster.settle(0);
    cluster.wipe(1, at(60));
    const info = cluster.streams.get("own-nats-1") ?? assert.fail();
    const state = { ...info.state, messages: 1, first_ts: iso(START + 1000) };
    cluster.streams.set("own-nats-1", { ...info, state });
    assert.deepEqual(cluster.settle(70).map(short), ["create consumer own-nats-1.in"]);
  });

  it("waits where a clock is years behind", () => {
    const cluster = lone();
    const early = { date: Date.UTC(2000, 0, 1), uptime: 1 };
    cluster.look(early);
    assert.match(cluster.look(early).problems.join(), /ops does not count on: the clock of this node is years behind/);
    assert.ok(!cluster.done.map(short).includes("count ops"));
  });

  it("says which servers do not answer, waits a quarter of a minute for them, and looks at their streams when they are back", () => {
    const cluster = primary();
    cluster.settle(0);
    const { servers } = cluster;
    cluster.servers = servers.map((server, i) => (i === 2 ? { ...server, id: undefined } : server));
    cluster.silent.add("own-nats-2").add("own-nats-2.in");
    assert.deepEqual(cluster.look(at(10)).warned, ["servers that do not answer: nats-2"]);
    assert.match(cluster.look(at(24)).problems.join(), /do not answer: nats-2/);
    const later = cluster.look(at(25));
    assert.deepEqual([later.actions, later.problems, later.said, later.absent], [[], [], [], ["nats-2"]]);
    cluster.silent.clear();
    cluster.servers = servers;
    cluster.wipe(2, at(40));
    assert.deepEqual(cluster.look(at(41)).said, ["servers that do not answer: none"]);
    assert.ok(cluster.done.map(short).includes("update in"));
    cluster.settle(42);
  });

  it("has a server's own stream there, and read, before that server is", () => {
    const [three, cluster] = [primary(), primary(5)];
    three.settle(0);
    for (const [name, info] of three.streams) cluster.streams.set(name, info);
    for (const [name, info] of three.consumers) cluster.consumers.set(name, info);
    cluster.servers = cluster.servers.map((server, i) => (i < 3 ? server : { ...server, id: undefined }));
    for (let i = 0; i < 20; i++) cluster.look(at(i));
    const { problems, absent } = cluster.look(at(20));
    assert.deepEqual([problems, absent], [[], ["nats-3", "nats-4"]]);
    const sources = cluster.streams.get("in")?.config.sources?.map(({ name }) => name);
    for (const name of ["own-nats-3", "own-nats-4"]) {
      const info = cluster.streams.get(name) ?? assert.fail(name);
      assert.deepEqual(
        info.config.subjects,
        cluster.plan.streams.find(({ config }) => config.name === name)?.config.subjects,
      );
      assert.ok(info.state.first_seq > 1e15);
      assert.ok(cluster.consumers.has(`${name}.in`));
      assert.ok(sources?.includes(name));
    }
    cluster.servers = cluster.servers.map((server) => ({ ...server, id: `now-${server.name}` }));
    assert.deepEqual(cluster.settle(30).map(short), ["update own-nats-3", "update own-nats-4"]);
    for (const pod of ["nats-3", "nats-4"])
      assert.deepEqual(cluster.streams.get(`own-${pod}`)?.config.placement, { tags: [pod] });
    const done = cluster.done.map(short);
    assert.ok(done.indexOf("update in") > done.indexOf("create consumer own-nats-4.in"), done.join());
  });

  it("knows nothing while not one server answers", () => {
    const cluster = primary();
    cluster.settle(0);
    cluster.servers = cluster.servers.map((server) => ({ ...server, id: undefined }));
    for (const name of ["in", "ops", "direct"]) cluster.silent.add(name);
    cluster.look(at(10));
    const { actions, problems } = cluster.look(at(100));
    assert.deepEqual(actions, []);
    assert.ok(problems.length > 0);
  });

  it("does not make what reads while one of those that it reads is away", () => {
    const cluster = primary();
    cluster.servers = cluster.servers.map((server, i) => (i === 2 ? { ...server, id: undefined } : server));
    for (let i = 0; i < 10; i++) cluster.look(at(i * 10));
    assert.ok(!cluster.streams.has("in"));
    assert.match(cluster.look(at(100)).problems.join(), /stream in: is made when all that it reads is there/);
  });

  it("changes how many events may be under way, and nothing else of a consumer", () => {
    const cluster = lone();
    cluster.settle(0);
    cluster.consumers.set("ops.edge-1", { name: "edge-1", max_ack_pending: 7, theirs: true });
    const [action, ...more] = cluster.settle(100);
    assert.deepEqual(more, []);
    assert.deepEqual(action, {
      do: "update consumer",
      stream: "ops",
      config: { name: "edge-1", max_ack_pending: 100, theirs: true },
    });
  });

  const link = (id: number, ...subscriptions: string[]): Link => ({
    ...{ id, name: "primary.nats-0", ip: "10.0.0.1", port: 7422, subscriptions },
  });
  /** An edge whose consumer is missing, with what its link tells at each second; gives when it is made. */
  const madeAfter = (
    told: (second: number) => readonly Link[] | undefined,
  ): { at: number | undefined; signs: number } => {
    const cluster = lone();
    cluster.settle(0);
    cluster.consumers.clear();
    for (let second = 0; second <= 60; second++) {
      cluster.servers = cluster.servers.map((server) => ({ ...server, links: told(second) }));
      cluster.look(at(100 + second));
      if (cluster.consumers.size > 0) {
        const signs = cluster.done.filter((action) => action.do === "publish").length;
        return { at: second, signs };
      }
    }
    return { at: undefined, signs: cluster.done.filter((action) => action.do === "publish").length };
  };
  const HEARD = "up.edge-1.fetched";
  for (const [what, told, wanted] of [
    ["nobody is linked", () => [], { at: 30, signs: 0 }],
    ["nothing can be asked", () => undefined, { at: 30, signs: 0 }],
    ["a link tells of no reader", () => [link(1)], { at: 2, signs: 0 }],
    ["a reader listens on", () => [link(1, HEARD)], { at: 30, signs: 1 }],
    ["a reader is no more heard on the same link", (s) => (s < 5 ? [link(1, HEARD)] : [link(1)]), { at: 5, signs: 1 }],
    [
      "a link comes anew and tells late",
      (s) => (s < 5 ? [] : s < 6 ? [link(2)] : [link(2, HEARD)]),
      { at: 30, signs: 1 },
    ],
    ["links change all the time", (s) => [link(s)], { at: 30, signs: 0 }],
  ] satisfies [string, (second: number) => readonly Link[] | undefined, { at: number; signs: number }][]) {
    it(`makes a consumer that is read over a link when ${what}: after ${wanted.at} s`, () => {
      assert.deepEqual(madeAfter(told), wanted);
    });
  }

  it("asks for pages only where it needs them", () => {
    const cluster = lone();
    const asked = (now: Moment) => needs(cluster.plan, cluster.observed(), cluster.memory, now);
    assert.deepEqual(asked(at(0)), { varz: true, leafz: true });
    cluster.settle(0);
    assert.deepEqual(asked(at(101)), { varz: true, leafz: false }, "certificates, until they were told");
    cluster.servers = cluster.servers.map((server) => ({ ...server, certificates: {} }));
    cluster.look(at(102));
    assert.deepEqual(asked(at(103)), { varz: false, leafz: false });
    cluster.consumers.clear();
    assert.deepEqual(asked(at(103)), { varz: false, leafz: true });
  });

  it("says which streams are full, and which servers are not well, once each", () => {
    const cluster = lone();
    cluster.settle(0);
    const info = cluster.streams.get("ops") ?? assert.fail();
    const bytes = Math.ceil(0.96 * info.config.max_bytes);
    cluster.streams.set("ops", { ...info, state: { ...info.state, bytes } });
    cluster.servers = cluster.servers.map((server) => ({ ...server, sick: true }));
    cluster.said.length = 0;
    cluster.settle(100);
    cluster.settle(200);
    cluster.streams.set("ops", info);
    cluster.servers = cluster.servers.map((server) => ({ ...server, sick: false }));
    cluster.settle(300);
    assert.deepEqual(cluster.said, [
      "servers that are not well: nats-0 (if any: kubectl logs <server> -c nats says why)",
      `stream ops: full with ${bytes} bytes; its oldest events give way to new ones`,
      "servers that are not well: none (if any: kubectl logs <server> -c nats says why)",
      "stream ops: has room again",
    ]);
  });

  it("says once a day which certificate ends soon, sooner again where one has not told", () => {
    const plan = { ...lone().plan, certificates: { leaf: 180, cluster: 7 } };
    const cluster = new FakeCluster(plan, 2);
    const DAY = 86_400_000;
    const ends = (days: number) => START + days * DAY + 1000;
    const [one, two] = cluster.servers as [Server, Server];
    cluster.servers = [{ ...one, certificates: { leaf: ends(179), cluster: ends(8) } }, two];
    cluster.look(at(0));
    cluster.look(at(300));
    cluster.servers = [one, { ...two, certificates: { leaf: ends(300), cluster: ends(6) } }].map((server, i) =>
      i === 0 ? { ...server, certificates: { leaf: ends(179), cluster: ends(8) } } : server,
    );
    cluster.look(at(600));
    cluster.look(at(1300));
    assert.deepEqual(
      cluster.said.filter((line) => line.startsWith("a certificate")).map((line) => line.replace(/: pulumi.*/, "")),
      [
        "a certificate of the servers has 179 days left, then edges do not connect any more",
        "a certificate of the servers has 178 days left, then edges do not connect any more",
        "a certificate of the servers has 5 days left, then the cluster's servers do not find each other any more",
      ],
    );
    assert.equal(cluster.memory.expiry, 1000 + 600 + 86_400);
  });
});

describe("controller: what is there, changed into what is planned", () => {
  const now = {
    ...{ name: "in", storage: "file", num_replicas: 3, max_bytes: 10, max_age: 5, discard: "old" },
    ...{ retention: "limits", theirs: "kept" },
    sources: [{ name: "a", opt_start_seq: 1, subject_transforms: [] }],
  } as unknown as StreamInfo["config"];
  const wanted = (change: object) => ({ ...edgePlanConfig, ...change }) as Parameters<typeof merged>[1];
  const edgePlanConfig = { name: "in", storage: "file", num_replicas: 3, max_bytes: 10, max_age: 5, discard: "old" };

  for (const [what, plan, change] of [
    ["the same", { sources: [{ name: "a" }] }, undefined],
    ["another limit", { max_bytes: 11, sources: [{ name: "a" }] }, { ...now, max_bytes: 11 }],
    ["a source more", { sources: [{ name: "a" }, { name: "b" }] }, { ...now, sources: [{ name: "a" }, { name: "b" }] }],
    ["sources in another order are others", { sources: [{ name: "b" }] }, { ...now, sources: [{ name: "b" }] }],
  ] as const) {
    it(`${what}`, () => assert.deepEqual(merged(now, wanted(plan)), change));
  }

  it("loses the subject and the time for ids that it got while it had no sources", () => {
    const bare = { ...now, sources: undefined, subjects: ["in"], duplicate_window: 120 };
    const { sources: _, ...config } = bare;
    const found = merged(config as unknown as StreamInfo["config"], wanted({ sources: [{ name: "a" }] }));
    const { subjects, duplicate_window, ...others } = config;
    assert.deepEqual(found, { ...others, sources: [{ name: "a" }] });
  });
});
