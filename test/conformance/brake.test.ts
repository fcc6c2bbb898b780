// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { installed } from "../harness/processes/installed.ts";
import { Relays } from "../harness/processes/relays.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { eventText } from "../scenarios/flow.ts";
import { readStream } from "../scenarios/ledger.ts";

const EVENTS = 80_000;
const SIZE = 4000;

// With logs that are long because a server copies, and disks that they would fill, it is in `npm run test:chaos`.
describe("an edge with a backlog pauses while the primary's servers say that they cannot cut their logs", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "2G" } },
    edge: { persistence: { size: "1G" } },
    disk: (claim) => claim, // in memory: an edge's backlog of that many is many writes, and how fast a disk takes them is not what is asked here
  });
  const relays = new Relays();
  after("close the ports", () => relays.close());

  it("and goes on when they have; every event is there once, in order", async function () {
    this.timeout(600_000);
    let logBytes = 1e12;
    const controller = nats().controller("primary");
    controller.monitors = await relays.of(nats().cluster("primary").servers, (path, page) =>
      path.startsWith("/raftz")
        ? { ...page, text: page.text.replace(/"bytes": *[0-9]+/g, `"bytes": ${logBytes}`) }
        : page,
    );
    await controller.kill();
    const client = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
    const edge = await jetstreamManager(client);
    const reader = await nats().connect(nats().server("primary"), nats().deployed.controller.login);
    const { streams } = await jetstreamManager(reader);
    const consumer = () => edge.consumers.info("ops", "edge-1");
    const stored = async () => (await edge.streams.info("ops")).state.messages;
    const come = async () => (await streams.info("ops")).state.messages;

    await nats().nodePort.broken(async () => {
      for (let number = 0; number < EVENTS; ) {
        for (const end = number + 2000; number < end; number++)
          client.publish("ops.clusters.edge-1.backlog", eventText(`${number}`, SIZE));
        await client.flush();
        await until("most to be stored", async () => number - (await stored()) < 10_000, stored, 60);
      }
      await until("all to be stored", async () => (await stored()) === EVENTS, stored, 60);
    });
    const paused = async () => {
      const { paused, pause_remaining } = await consumer();
      return paused && Number(pause_remaining);
    };
    const left = await until("the edge to pause", paused, () => controller.log, 60);
    assert.ok(left > 0 && left <= 60e9, `${left} ns`);
    let some = -1;
    const stands = async () => {
      const before = some;
      some = await come();
      if (some !== before) await pause(3000);
      return some === before;
    };
    await until("what was on its way", stands, () => some, 60); // a pause is renewed meanwhile
    assert.ok(some < EVENTS, `${some} had come`);
    assert.ok((await consumer()).paused);
    logBytes = 0;
    await until(
      "it to be told to go on",
      () => /edges that paused go on/.test(controller.log),
      () => controller.log,
      120,
    );
    assert.ok(!(await consumer()).paused);
    await until("the last event", async () => (await come()) >= EVENTS, come, 200);
    const found = (await readStream(await nats().client(nats().server("primary")))).map(({ id }) => Number(id));
    assert.deepEqual(
      found,
      Array.from({ length: EVENTS }, (_, i) => i),
    );
  });
});
