// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { complaints, during, LOAD, type Load, type Outcome } from "../durability/scenario.ts";
import { installed } from "./installed.ts";
import { leaderOf } from "./leader.ts";
import { siteOf } from "./site.ts";
import { until } from "./until.ts";
import { onEachVersion } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];

/** What servers say when they drop what came too fast for a stream. */
const DROPPED = /Dropping messages|IPQ len limit|max buffered|slow consumer/i;

// The quick part of what `npm run test:chaos` does for longer and on real clusters: docs/durability.md.
onEachVersion("no stored event is lost", function (this: void, version) {
  const persistence = { enabled: true, size: "4Gi" };
  const nats = installed(version, { listed: EDGES, edges: EDGES, primary: { persistence } });
  const all: Outcome[] = [];

  async function kept(title: string, act: () => Promise<void>, load: Load = LOAD): Promise<readonly Outcome[]> {
    const outcomes = await during(siteOf(nats(), EDGES), title, act, { load });
    all.push(...outcomes);
    assert.deepEqual(complaints(outcomes), []);
    return outcomes;
  }
  /** Nothing of what was sent is missing anywhere, nor twice. */
  const whole = (outcomes: readonly Outcome[]) => {
    for (const { cluster, sent, stored, unheard, heardTwice } of outcomes)
      assert.deepEqual([stored, unheard, heardTwice], [sent, 0, 0], cluster);
  };
  const primary = () => nats().cluster("primary");
  const server = (name: string | undefined) =>
    primary().servers.find((s) => s.name === name) ?? assert.fail(`no server ${name}`);

  it("in calm weather, and a live subscriber hears each once", async () => {
    whole(await kept("calm", () => pause(1500)));
  });

  it("when the link is cut shortly, by resets", async () => {
    await kept("cut for 3 s", async () => {
      nats().nodePort.break();
      await pause(3000);
      nats().nodePort.mend();
    });
  });

  it("when the link is away for longer than a server waits, with more than 10 MB to fetch", async () => {
    const outcomes = await kept(
      "cut for 15 s",
      async () => {
        nats().nodePort.break();
        await pause(15_000);
        nats().nodePort.mend();
        await pause(3000);
      },
      { steady: 1000, each: 10, size: 1000 },
    );
    for (const { stored } of outcomes) assert.ok(stored * 1000 > 10e6);
  });

  it("when the server that leads ops is killed", async () => {
    await kept("leader killed", async () => {
      const leader = server(await leaderOf(nats(), "ops"));
      await leader.kill();
      await pause(4000);
      await leader.start();
      await pause(2000);
    });
  });

  it("when all servers of the primary are killed", async () => {
    await kept("all killed", async () => {
      await primary().kill();
      await pause(2000);
      await primary().start();
      await pause(2000);
    });
  });

  it("when an edge's server is killed, or stands still", async () => {
    await kept("edge killed", async () => {
      const edge = nats().server("edge-1");
      await edge.kill();
      await pause(1000);
      await edge.start();
      await pause(2000);
    });
    await kept("edge stopped", async () => {
      const edge = nats().server("edge-2");
      process.kill(edge.pid ?? 0, "SIGSTOP");
      await pause(4000);
      process.kill(edge.pid ?? 0, "SIGCONT");
      await pause(2000);
    });
  });

  it("when edges are added and removed meanwhile; the others' live events are neither missed nor doubled", async () => {
    const outcomes = await kept("the list changed", async () => {
      for (const entries of [[...EDGES, "edge-3"], EDGES, [...EDGES, { name: "edge-4", persistence: false }], EDGES]) {
        await nats().list(entries);
        await nats().keeper("primary").planned();
      }
    });
    whole(outcomes);
  });

  it("after an edge's disk was wiped: what it says from then on arrives, what was there stays", async () => {
    const before = await kept("before the wipe", () => pause(500));
    const edge = nats().server("edge-1");
    await edge.kill();
    await rm(nats().cluster("edge-1").storeFolder(0), { recursive: true });
    const log = nats().keeper("edge-1").log.length;
    await edge.start();
    const made = () => nats().keeper("edge-1").log.slice(log).includes("stream ops: made");
    await until("the stream of edge-1 to be made anew", made, () => nats().keeper("edge-1").log, 30);
    assert.ok(before.every(({ stored }) => stored > 0));
    whole(await kept("after the wipe", () => pause(1500)));
  });

  it("after a server of the primary lost its disk", async () => {
    await kept("primary's disk lost", async () => {
      const one = primary().servers[1] ?? assert.fail();
      await one.kill();
      await rm(primary().storeFolder(1), { recursive: true });
      await one.start();
      await pause(5000);
    });
    whole(await kept("after that", () => pause(1500)));
  });

  it("and no server has dropped what it was to store", () => {
    const servers = ["primary", ...EDGES].flatMap((name) => nats().cluster(name).servers);
    for (const { name, log } of servers) assert.doesNotMatch(log, DROPPED, name);
    assert.ok(all.reduce((sum, { stored }) => sum + stored, 0) > 50_000);
  });
});
