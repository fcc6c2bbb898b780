// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Heard, heardOnce } from "./heard.ts";
import { installed } from "./installed.ts";
import { until } from "./until.ts";
import { onEachVersion } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];

onEachVersion("a primary with persistence", (version) => {
  const persistence = { enabled: true, size: "1Gi" };
  const nats = installed(version, { listed: EDGES, edges: EDGES, primary: { persistence } });

  it("keeps what edges say in a stream of app on three servers, once", async () => {
    const app = await nats().client(nats().server("primary"));
    const manager = await until("JetStream's leader", () => jetstreamManager(app));
    const stream = { name: "ops", subjects: ["ops.>"], num_replicas: 3 };
    await until("the stream", () => manager.streams.add(stream), undefined, 30);
    const listener = await Heard.on(app, "ops.>");
    for (const edge of EDGES) {
      await heardOnce(await nats().client(nats().server(edge)), `ops.clusters.${edge}.x`, [listener]);
    }
    const state = async () => (await manager.streams.info("ops")).state.messages;
    await until("all events in the stream", async () => (await state()) >= listener.events.length, state);
    assert.equal(await state(), listener.events.length);
    const consumer = await jetstream(app).consumers.get("ops");
    const kept: string[] = [];
    const batch = await consumer.fetch({ max_messages: listener.events.length, expires: 5000 });
    for await (const message of batch) kept.push(message.string());
    assert.deepEqual(kept.sort(), [...listener.events].sort());
  });
});
