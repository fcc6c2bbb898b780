// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { eventText } from "../durability/flow.ts";
import { readStream } from "../durability/ledger.ts";
import { installed } from "./installed.ts";
import { monitorOf } from "./keeper.ts";
import { until } from "./until.ts";
import { DEFAULT_VERSION } from "./versions.ts";

const EVENTS = 80_000;
const SIZE = 4000;

/** What a server's monitoring port says, but for the bytes of its logs: these are very many while `long` says so. */
async function monitor(origin: string, long: () => boolean): Promise<Server> {
  const server = createServer(async (request, response) => {
    const answer = await fetch(`${origin}${request.url}`);
    const text = await answer.text();
    const told = long() && request.url?.startsWith("/raftz");
    response.writeHead(answer.status).end(told ? text.replace(/"bytes": *[0-9]+/g, '"bytes": 1000000000000') : text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

// With logs that are long because a server copies, and disks that they would fill, it is in `npm run test:chaos`.
describe("an edge with a backlog pauses while the primary's servers say that they cannot cut their logs", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "2G" } },
    edge: { persistence: { size: "1G" } },
  });
  const monitors: Server[] = [];
  after("close the ports", () => {
    for (const server of monitors) server.close();
  });

  it("and goes on when they have; every event is there once, in order", async function () {
    this.timeout(300_000);
    let long = true;
    const keeper = nats().keeper("primary");
    for (const { ports } of nats().cluster("primary").servers) {
      monitors.push(await monitor(monitorOf(ports), () => long));
    }
    keeper.monitors = monitors.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await keeper.kill();
    const client = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
    const edge = await jetstreamManager(client);
    const reader = await nats().connect(nats().server("primary"), nats().deployed.keeper?.login);
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
    const left = await until("the edge to pause", paused, () => keeper.log, 60);
    assert.ok(left > 0 && left <= 60e9, `${left} ns`);
    await pause(5000); // what was on its way comes, and no more
    const some = await come();
    await pause(3000);
    assert.equal(await come(), some);
    assert.ok(some < EVENTS, `${some} had come`);
    long = false;
    const log = () => keeper.log;
    await until("it to be told to go on", () => /edges that paused go on/.test(log()), log, 30);
    await until("the last event", async () => (await come()) >= EVENTS, come, 60);
    assert.ok(!(await consumer()).paused);
    const found = (await readStream(await nats().client(nats().server("primary")))).map(({ id }) => Number(id));
    assert.deepEqual(
      found,
      Array.from({ length: EVENTS }, (_, i) => i),
    );
  });
});
