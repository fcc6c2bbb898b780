// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { installed } from "../harness/processes/installed.ts";
import { roundTrip } from "../harness/processes/roundTrip.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { wiped } from "../scenarios/durabilitySuite.ts";

// A consumer that is made anew counts from one again. A source that still listens takes what it hands over for what it has had,
// as long as the numbers are those that it knows; where they then meet, the first ones are passed over and nothing is noticed.
describe("disks that are wiped while the primary still listens to the stream's predecessor", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });

  /** What was handed over since the source began to count: at the start, and after each wipe. */
  const handed: Record<string, number> = {};

  async function arrive(cluster: string, ordinal: number, events: number): Promise<void> {
    const { said, found } = await roundTrip(nats(), cluster, ordinal, events);
    assert.deepEqual(found, said);
    handed[cluster] = (handed[cluster] ?? 0) + events;
  }

  const numbers: readonly (readonly [what: string, number: (before: number) => number])[] = [
    ["as many", (before) => before],
    ["more", (before) => before + 30],
    ["fewer", () => 1],
  ];
  for (const [what, number] of numbers) {
    it(`an edge's: ${what} events are stored at once after as were fetched before`, async () => {
      await arrive("edge-1", 0, 3);
      const after = number(handed["edge-1"] ?? 0);
      await wiped(nats(), "edge-1");
      handed["edge-1"] = 0;
      await arrive("edge-1", 0, after);
    });

    it(`a primary's server's own: ${what} events come at once after as were taken before`, async () => {
      await arrive("primary", 1, 3);
      const after = number(handed.primary ?? 0);
      const log = nats().controller("primary").log.length;
      await nats().cluster("primary").empty(1);
      const told = () => nats().controller("primary").log.slice(log).includes("it counts on from now");
      await until("the controller to notice", told, () => nats().controller("primary").log.slice(log), 60);
      handed.primary = 0;
      await arrive("primary", 1, after);
    });
  }

  // so it is when a server whose disk was wiped has heard as yet how its stream was made, and not what that was changed to
  it("a primary's server's own that is found as it was made: as many events come at once after as were taken before", async () => {
    await arrive("primary", 1, 3);
    const after = handed.primary ?? 0;
    const controller = nats().controller("primary");
    await controller.stop();
    const client = await nats().connect(nats().server("primary"), nats().deployed.controller.login);
    const { streams } = await jetstreamManager(client);
    const { subjects, ...config } = (await streams.info("own-nats-1")).config;
    assert.ok(subjects.length > 0);
    await streams.delete("own-nats-1");
    await streams.add(config);
    await client.close();
    const before = controller.log.length;
    await controller.start(nats().deployed.controller);
    await controller.says("stream own-nats-1: it began with nothing, it counts on from now", 60, before);
    await controller.planned();
    handed.primary = 0;
    await arrive("primary", 1, after);
  });

  it("an edge's, whose link is away until its controller has waited enough", async () => {
    await arrive("edge-1", 0, 3);
    const after = handed["edge-1"] ?? 0;
    const log = nats().controller("edge-1").log.length;
    await nats().nodePort.broken(async () => {
      await wiped(nats(), "edge-1");
      const since = () => nats().controller("edge-1").log.slice(log);
      await until("the consumer", () => since().includes("consumer ops.edge-1: made"), since, 60);
    });
    await arrive("edge-1", 0, after);
  });
});

describe("a stream that has nothing yet", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });

  it("the number from which a stream counts outlives a kill -9, also of one that has nothing", async () => {
    const client = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
    const { state: before } = await (await jetstreamManager(client)).streams.info("ops");
    await client.close();
    assert.deepEqual([before.messages, before.first_seq > 1e15], [0, true]);
    await nats().server("edge-1").kill();
    await nats().server("edge-1").start();
    const again = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
    const { state } = await (await jetstreamManager(again)).streams.info("ops");
    await again.close();
    assert.deepEqual([state.messages, state.first_seq], [0, before.first_seq]);
  });
});
