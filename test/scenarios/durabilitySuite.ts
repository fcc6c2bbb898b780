// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Installation } from "../harness/processes/installation.ts";
import { installed } from "../harness/processes/installed.ts";
import { leaderOf } from "../harness/processes/leader.ts";
import type { Gone } from "../harness/processes/nodePort.ts";
import { siteOf } from "../harness/processes/site.ts";
import { until } from "../harness/processes/until.ts";
import { inOps } from "./ledger.ts";
import type { Outcome } from "./outcome.ts";
import { complaints, complaintsAlone, during, LOAD, type Load, wipedAt } from "./scenario.ts";

export interface DurabilityPlan {
  readonly edges: readonly string[];
  /** The same faults without it show what it is worth; nothing but calm weather is then judged. */
  readonly persistent: boolean;
  /** Seconds for which the link is cut, in one cut each, and how. */
  readonly cuts: readonly (readonly [seconds: number, how: Gone])[];
  /** Seconds for which a server stands still. */
  readonly standstill: number;
  readonly load?: Load;
}

/** Claims of the primary: a third of one is to hold all that comes in a cut of ten minutes, for what gave way to new events would be told as lost. */
const SIZE = "8Gi";

/** Faults in an installation of processes, while events flow; every one of a suite happens to the same installation. */
export function durabilitySuite(version: string, plan: DurabilityPlan): void {
  const { edges, persistent, cuts, standstill } = plan;
  const primary = persistent ? { primary: { persistence: { enabled: true, size: SIZE } } } : {};
  const nats = installed(version, { listed: edges, edges, ...primary });
  const all: Outcome[] = [];

  async function kept(
    title: string,
    act: () => Promise<unknown>,
    load = plan.load ?? LOAD,
  ): Promise<readonly Outcome[]> {
    const outcomes = await during(siteOf(nats(), edges, persistent), title, act, { load });
    all.push(...outcomes);
    if (persistent) assert.deepEqual(complaints(outcomes), []);
    return outcomes;
  }
  /** Nothing of what was sent is missing anywhere, nor twice, nor out of order. */
  const whole = (outcomes: readonly Outcome[]) => {
    for (const { cluster, sent, stored, unheard, heardTwice, reordered } of outcomes) {
      // an answer that came too late counts as not sent
      assert.ok(!persistent || stored >= sent, `${cluster}: ${stored} of ${sent}`);
      assert.deepEqual([unheard, heardTwice, reordered], [0, 0, 0], cluster);
    }
  };
  /** Nobody hears what some edges say for so long; all of it, and what the others say, is heard in the end. */
  const waited = (outcomes: readonly Outcome[], clusters: readonly string[], seconds: number) => {
    const alone = outcomes.filter(({ cluster }) => clusters.includes(cluster));
    assert.deepEqual(complaintsAlone(alone, seconds, { persistent }), []);
    heard(outcomes);
  };
  /** A live subscriber has heard all that edges have stored, each event once. */
  const heard = (outcomes: readonly Outcome[]) => {
    if (!persistent) return;
    for (const { cluster, unheard, heardTwice } of outcomes.filter((one) => edges.includes(one.cluster))) {
      assert.deepEqual([unheard, heardTwice], [0, 0], cluster);
    }
  };
  /**
   * What the primary says itself waits for no leader: of what its clients have said, only what a dead server had not stored yet is gone.
   * A publisher that keeps its connection counts up to 199 as sent before it knows.
   */
  const ownStored = (outcomes: readonly Outcome[]) => {
    const own = outcomes.find(({ cluster }) => cluster === "primary") ?? assert.fail();
    if (persistent) assert.ok(own.sent - own.stored < Math.max(own.sent / 50, 250), `${own.stored} of ${own.sent}`);
  };
  const set = () => nats().cluster("primary");
  const server = (name: string | undefined) =>
    set().servers.find((s) => s.name === name) ?? assert.fail(`no server ${name}`);
  const [first = "", second = ""] = edges;

  it("in calm weather, and a live subscriber hears each once", async () => {
    whole(await kept("calm", () => pause(1500)));
  });

  it("when the link is silent for a while and then goes on, as one whose packets are dropped", async () => {
    const before = nats().nodePort.ports();
    const outcomes = await kept("link silent for 13 s", async () => {
      const back = await nats().nodePort.broken(() => pause(13_000), "dropped");
      await pause(2000);
      return back;
    });
    assert.deepEqual(nats().nodePort.ports(), before, "the same connections");
    if (persistent) waited(outcomes, edges, 13);
  });

  for (const [seconds, how] of cuts) {
    it(`when the link is cut for ${seconds} s (${how})`, async function () {
      this.timeout((2 * seconds + 240) * 1000); // what came meanwhile has to be fetched, and then read by the checker
      const outcomes = await kept(
        how === "reset" ? `link cut by resets for ${seconds} s` : `link cut for ${seconds} s, packets dropped`,
        async () => {
          const back = await nats().nodePort.broken(() => pause(seconds * 1000), how);
          await pause(3000);
          return back;
        },
        { ...LOAD, ...plan.load, size: 1000 },
      );
      waited(outcomes, edges, seconds);
      if (!persistent || seconds <= 10) return;
      // what a slow machine does not publish nobody can fetch: 10 MB of all edges together
      const late = outcomes.reduce((sum, one) => sum + (edges.includes(one.cluster) ? one.late : 0), 0);
      assert.ok(late * 1000 > 10e6, `more than 10 MB to fetch: ${late} events of 1000 bytes`);
    });
  }

  it("when the primary's servers are restarted one by one", async () => {
    await kept("the primary's servers restarted one by one", () => set().restart());
  });

  it("when the server that leads ops is killed", async () => {
    const outcomes = await kept("a server of the primary killed (the stream's leader)", async () => {
      const leader = server(persistent ? await leaderOf(nats(), "ops") : set().servers[0]?.name);
      await leader.kill();
      await pause(4000);
      await leader.start();
      await pause(2000);
    });
    ownStored(outcomes);
  });

  it("when all servers of the primary are killed", async () => {
    const outcomes = await kept("all servers of the primary killed", async () => {
      await set().kill();
      await pause(2000);
      await set().start();
      await pause(2000);
    });
    ownStored(outcomes);
  });

  it("when an edge's server is killed, or stands still", async () => {
    const killed = await kept("an edge's server killed", async () => {
      const edge = nats().server(first);
      await edge.kill();
      await pause(1000);
      await edge.start();
      await pause(2000);
    });
    heard(killed);
    const stopped = await kept(`an edge's server stopped for ${standstill} s`, async () => {
      const edge = nats().server(second);
      process.kill(edge.pid ?? 0, "SIGSTOP");
      await pause(standstill * 1000);
      process.kill(edge.pid ?? 0, "SIGCONT");
      await pause(2000);
    });
    waited(stopped, [second], standstill);
  });

  it("when an edge starts anew while the primary cannot be reached", async () => {
    const outcomes = await kept("an edge rebooted while the primary cannot be reached", async () => {
      const back = await nats().nodePort.broken(async () => {
        await nats().server(first).kill();
        await pause(2000);
        await nats().server(first).start();
        await pause(4000);
      }, "dropped");
      await pause(2000);
      return back;
    });
    waited(outcomes, [first], 4);
  });

  it("when edges are added and removed meanwhile; the others' live events are neither missed nor doubled", async () => {
    const outcomes = await kept("edges added and removed", async () => {
      for (const entries of [[...edges, "edge-8"], edges, [...edges, { name: "edge-9", persistence: false }], edges]) {
        await nats().list(entries);
        if (persistent) await nats().controller("primary").planned();
        else await pause(500);
      }
    });
    if (persistent) whole(outcomes);
  });

  it("when age, what is done when it is full, and how much is under way change meanwhile", async () => {
    const outcomes = await kept("age and limits changed", async () => {
      for (const [change, underWay] of [
        [{ maxAge: "1d", size: "3Gi" }, 700],
        [{ whenFull: "keep-oldest" }, 20],
        [{}, 100],
      ] as const) {
        const limits = persistent ? { persistence: { enabled: true, size: SIZE, ...change } } : {};
        await nats().list(edges, undefined, { ...limits, edgeLimits: { underWay } });
        if (persistent) await nats().controller("primary").planned();
        for (const name of edges) await nats().redeploy(name);
        if (!persistent) continue;
        const client = await nats().connect(nats().server(first), nats().login(first));
        const { config } = await (await jetstreamManager(client)).consumers.info("ops", first);
        assert.equal(config.max_ack_pending, underWay);
      }
    });
    if (persistent) whole(outcomes);
  });

  it("when an edge's disk is wiped: what was there stays, what it says from then on arrives", async () => {
    await kept("before an edge's disk is wiped", () => pause(500));
    const reader = await nats().client(nats().server("primary"));
    const had = persistent ? await inOps(reader, first) : new Map();
    assert.equal(had.size > 0, persistent);
    const outcomes = await during(
      siteOf(nats(), edges, persistent),
      "an edge's disk wiped",
      async () => {
        await (persistent ? wiped(nats(), first) : nats().cluster(first).empty(0));
        await nats().linked(first);
        await pause(2000);
      },
      { load: plan.load ?? LOAD },
    );
    all.push(...outcomes);
    if (persistent) {
      assert.deepEqual(complaints(outcomes.map(wipedAt(first))), []);
      assert.deepEqual(await inOps(reader, first, had), had);
    }
    const after = await kept("after an edge's disk was wiped", () => pause(1500));
    if (persistent) whole(after);
  });

  it("after a server of the primary lost its disk", async () => {
    await kept("a server of the primary loses its disk", async () => {
      await nats().cluster("primary").empty(1);
      await pause(5000);
    });
    const after = await kept("after a server of the primary lost its disk", () => pause(1500));
    if (persistent) whole(after);
  });

  if (persistent) {
    it("of so many that it says something", () => {
      assert.ok(all.reduce((sum, { stored }) => sum + stored, 0) > 50_000);
    });
  }
}

/** Takes an edge's disk away under it; its controller makes the stream anew. */
export async function wiped(nats: Installation, name: string): Promise<void> {
  const log = nats.controller(name).log.length;
  await nats.cluster(name).empty(0);
  const made = () => nats.controller(name).log.slice(log).includes("stream ops: made");
  await until(`the stream of ${name} to be made anew`, made, () => nats.controller(name).log, 120);
}
