// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { Heard, newTag } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { RawLeaf } from "../harness/processes/rawLeaf.ts";
import { siteOf } from "../harness/processes/site.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { readStream } from "../scenarios/ledger.ts";

/**
 * A server of an attacker that has the login of edge-1. It answers the primary's request for its stream as a server with
 * JetStream would, and hands up whatever it likes: the subject of what it stored stands behind an @ in the reply.
 */
class FakeStore {
  readonly leaf: RawLeaf;
  deliver = "";
  #name = "";
  #sequence = 1_000_000_000_000_000;
  #start = this.#sequence;

  constructor(leaf: RawLeaf) {
    this.leaf = leaf;
    leaf.onMessage = (subject, reply, payload) => this.#answer(subject, reply, payload);
    leaf.subscribe("$JS.edge-1.API.CONSUMER.RESET.ops.edge-1");
  }

  #answer(subject: string, reply: string, payload: string): void {
    if (!subject.startsWith("$JS.edge-1.API.CONSUMER.")) return;
    const body = payload.slice(payload.indexOf("\r\n\r\n{") + 4);
    const asked = (body.startsWith("{") ? JSON.parse(body) : {}) as {
      config?: { name: string; deliver_subject: string };
    };
    const config = asked.config ?? { name: "edge-1", deliver_subject: "up.edge-1.fetched", ack_policy: "flow_control" };
    this.#start = this.#sequence; // whoever asks counts from one again: what was handed up before somebody listened does not count
    const position = { consumer_seq: 0, stream_seq: this.#sequence };
    const type = "io.nats.jetstream.api.v1.consumer_create_response";
    const info = { type, stream_name: "ops", name: config.name, created: new Date().toISOString(), config };
    this.leaf.publish(reply, JSON.stringify({ ...info, delivered: position, ack_floor: position, num_pending: 0 }));
    [this.deliver, this.#name] = [config.deliver_subject, config.name];
  }

  /** Hands up a message that it says it has stored under a subject. */
  handUp(subject: string, payload: string): void {
    const sequence = ++this.#sequence;
    const ack = `$JS.ACK.ops.${this.#name}.1.${sequence}.${sequence - this.#start}.${Date.now()}000000.0`;
    this.leaf.publish(this.deliver, payload, `${ack}@${subject}`);
  }
}

describe("an attacker with the login of an edge that stores", () => {
  const persistence = { enabled: true, size: "1Gi" };
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1", "edge-2"],
    edges: ["edge-2"],
    primary: { persistence },
  });
  const OTHERS = ["ops.clusters.edge-2.x", "ops.clusters.primary.x", "live.ops.clusters.edge-2.x", "own.nats-0.x"];
  const STRANGE = [
    "ops.clusters.edge-2..x",
    "ops.clusters.edge-2.>",
    "ops.clusters.edge-2.*.x",
    "ops.clusters.edge-2.x.",
    "in.edge-2.ops.clusters.edge-2.x",
    "in.edge-2.ops.clusters.edge-2..x",
    "ops.clusters.edge-2",
    "ops.other",
    "$JS.API.STREAM.DELETE.ops",
  ];

  it("is filed under the edge that it is, whatever it calls itself, live and stored", async () => {
    const raw = await RawLeaf.connect(nats().nodePort.port, "edge-1.nats-0", nats().deployed.link("edge-1"));
    const fake = new FakeStore(raw);
    assert.equal(await raw.accepted(), true);
    await until(
      "the primary's request",
      () => fake.deliver !== "",
      () => raw.errors,
      60,
    );
    const app = await siteOf(nats(), []).connect("primary");
    const live = await Heard.on(app, ">");
    const subjects: string[] = [];
    app.subscribe("ops.>", { callback: (_, message) => void subjects.push(message.subject) });
    const tag = newTag();
    const own = "ops.clusters.edge-1.own";
    const say = (subject: string) => fake.handUp(subject, `${tag} ${subject}`);
    const heard = (subject: string) => live.has(`${tag} ${subject}`);
    await until(
      "an event of its own",
      () => say(own) ?? heard(own),
      () => raw.errors,
      20,
    );
    for (const subject of [...OTHERS, ...STRANGE]) say(subject);
    say("ops.notifications.n");
    await until(
      "the last one",
      () => heard("ops.notifications.n"),
      () => live.events,
      20,
    );

    for (const subject of subjects) assert.match(subject, /^ops\.(clusters\.edge-1|notifications)\./);
    const kept = await readStream(app);
    for (const { subject } of kept) assert.match(subject, /^(ops\.(clusters\.edge-1|notifications)|in)\./);
    assert.deepEqual(await readStream(app, "ops.clusters.edge-2.>"), []);
    assert.deepEqual(await readStream(app, "ops.clusters.primary.>"), []);
    assert.ok(
      kept.some(({ subject }) => subject === "ops.clusters.edge-1.x"),
      "another's event, under its own name",
    );

    const edge2 = await siteOf(nats(), []).connect("edge-2");
    edge2.publish("ops.clusters.edge-2.x", `${tag} true`);
    await until(
      "the true edge-2",
      () => heard("ops.clusters.edge-2.x") || live.has(`${tag} true`),
      () => live.events,
      20,
    );
    await Promise.all([app.close(), edge2.close()]);
    raw.close();
  });

  it("cannot publish what it hands up elsewhere, nor read or answer for another", async () => {
    const link = () => RawLeaf.connect(nats().nodePort.port, "raw", nats().deployed.link("edge-1"));
    const app = await siteOf(nats(), []).connect("primary");
    const live = await Heard.on(app, ">");
    const tag = newTag();
    for (const subject of [
      "ops.clusters.edge-1.x",
      "ops.notifications.n",
      "up.edge-2.fetched",
      "$JS.edge-2.API.CONSUMER.PAUSE.ops.edge-2",
      "$JSC.R.x",
      "live.ops.x",
    ]) {
      const raw = await link();
      assert.equal(await raw.accepted(), true);
      raw.publish(subject, `${tag} ${subject}`);
      await raw.accepted(); // from 2.14 on the server ends such a link
      raw.close();
    }
    const hears = (text: string, seconds: number) =>
      until(
        `the ${text}`,
        () => live.has(`${tag} ${text}`),
        () => live.events,
        seconds,
      );
    const raw = await link();
    const edge2 = await siteOf(nats(), []).connect("edge-2");
    edge2.publish("ops.clusters.edge-2.x", `${tag} control`);
    await hears("control", 20);
    assert.deepEqual(
      live.events.filter((event) => event.startsWith(tag)),
      [`${tag} control`],
    );
    raw.subscribe("$JS.edge-2.API.CONSUMER.*.ops.edge-2");
    raw.subscribe("$JS.edge-2.API.CONSUMER.RESET.ops.edge-2");
    raw.subscribe("live.ops.>");
    raw.subscribe("$JS.API.>");
    await raw.accepted();
    // all of that is said now: a new leader asks every edge, and an event is stored and republished
    const store = await nats().connect(nats().server("primary"), nats().deployed.controller.login);
    await store.request("$JS.API.STREAM.LEADER.STEPDOWN.in", undefined, { timeout: 5000 });
    edge2.publish("ops.clusters.edge-2.x", `${tag} second`);
    await hears("second", 60);
    await Promise.all([app.close(), edge2.close()]);
    await raw.accepted();
    assert.deepEqual(
      raw.received.filter(([subject]) => !subject.startsWith("$JS.edge-1.")),
      [],
    );
    raw.close();
  });
});
