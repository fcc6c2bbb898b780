// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Heard, newTag } from "./heard.ts";
import { installed } from "./installed.ts";
import { until } from "./until.ts";
import { onEachVersion } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];

onEachVersion("a primary with persistence", (version) => {
  const persistence = { enabled: true, size: "1Gi" };
  const listed = [...EDGES, { name: "edge-3", persistence: false }];
  const nats = installed(version, { listed, edges: [...EDGES, "edge-3"], primary: { persistence } });

  it("has every event once in ops, and a live subscriber of each server gets it once", async () => {
    const listeners = [];
    for (const server of nats().cluster("primary").servers)
      listeners.push(await Heard.on(await nats().client(server), "ops.>"));
    const tag = newTag();
    const wanted: string[] = [];
    for (const name of [...EDGES, "edge-3", "primary"]) {
      for (const ordinal of nats().cluster(name).servers.keys()) {
        const connection = await nats().client(nats().server(name, ordinal));
        for (const subject of [`ops.clusters.${name}.x`, "ops.notifications.n"]) {
          const event = `${tag} ${name} ${ordinal} ${subject}`;
          wanted.push(event);
          connection.publish(subject, event);
        }
        await connection.flush();
      }
    }
    for (const listener of listeners) {
      const all = () => listener.events.filter((event) => event.startsWith(tag)).length >= wanted.length;
      await until("all events at a live subscriber", all, () => listener.events, 30);
      assert.deepEqual([...listener.events].sort(), [...wanted].sort());
    }
    const app = await nats().client(nats().server("primary"));
    const consumer = await jetstream(app).consumers.get("ops");
    const kept: string[] = [];
    for await (const message of await consumer.fetch({ max_messages: 100, expires: 3000 })) kept.push(message.string());
    assert.deepEqual(kept.sort(), [...wanted].sort());
    const manager = await jetstreamManager(app);
    console.log((await manager.streams.info("ops", { subjects_filter: ">" })).state.subjects);
  });
});
