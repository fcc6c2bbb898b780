// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../sandbox/kubectl.ts";
import { complaints, during, type Load } from "../durability/scenario.ts";
import { type Cut, cut, dropLines, reachable, signal, siteOf, unplug } from "../e2e/clusterSite.ts";
import { type Stack, type World, world } from "../e2e/world.ts";

const EDGES: readonly Stack[] = ["edge-1", "edge-2"];
const load: Load = { steady: 400, each: 10, size: 300 };
const persistence = { enabled: true, size: "8Gi" };

for (const persistent of [true, false]) {
  describe(`two edges on real clusters, ${persistent ? "with persistence" : "without"}`, () => {
    let w: World;
    const primary = (more: object = {}) => ({ edges: EDGES, ...(persistent ? { persistence } : {}), ...more });

    before(async () => {
      w = await world();
      // the first time there is no stack yet
      for (const stack of [...EDGES, "primary"] as const) await w.destroy(stack).catch(() => undefined);
      await w.ensure("primary", primary());
      for (const edge of EDGES) await w.ensure(edge, reachable);
      await linked();
    });

    /** Until an event of each edge is heard. */
    async function linked(): Promise<void> {
      const site = await siteOf(w, EDGES, persistent);
      const listener = await site.connect("primary");
      const heard = new Set<string>();
      listener.subscribe("ops.clusters.*.probe", {
        callback: (_, message) => void heard.add(message.subject.split(".")[2] ?? ""),
      });
      for (const edge of EDGES) {
        const client = await site.connect(edge);
        for (let tries = 0; tries < 300 && !heard.has(edge); tries++) {
          client.publish(`ops.clusters.${edge}.probe`);
          await pause(200);
        }
        await client.close();
        assert.ok(heard.has(edge), edge);
      }
      await listener.close();
    }

    const scenario = (title: string, act: () => Promise<void>) =>
      it(title, async function () {
        this.timeout(1_200_000);
        const site = await siteOf(w, EDGES, persistent);
        const outcomes = await during(site, title, act, { load, seconds: 300 });
        if (!persistent) return;
        assert.deepEqual(complaints(outcomes), []);
        for (const stack of ["primary", ...EDGES] as const) assert.deepEqual(await dropLines(w, stack), [], stack);
      });

    scenario("calm for 10 s", () => pause(10_000));

    const cuts = (seconds: number, one: Cut, two: Cut) =>
      scenario(`links cut for ${seconds} s (${one}, ${two})`, async () => {
        const mend = [await cut("edge-1", one), await cut("edge-2", two)];
        await pause(seconds * 1000);
        for (const back of mend) await back();
        await pause(5000);
      });
    cuts(10, "dropped", "reset");
    cuts(120, "reset", "dropped");
    cuts(600, "dropped", "reset");

    for (const seconds of [10, 120, 600]) {
      scenario(`the primary's cable pulled for ${seconds} s`, async () => {
        const plug = await unplug("primary");
        await pause(seconds * 1000);
        await plug();
        await pause(8000);
      });
    }

    scenario("the primary's servers restarted one by one", async () => {
      await w.kubectl.primary.run(["rollout", "restart", "statefulset", "nats"]);
      await w.kubectl.primary.run(["rollout", "status", "statefulset", "nats", "--timeout=300s"], { timeout: 310_000 });
    });

    scenario("one server of the primary killed", async () => {
      await signal(w, "primary", "nats-1", "KILL");
      await pause(8000);
    });

    scenario("all servers of the primary killed", async () => {
      await Promise.all(["nats-0", "nats-1", "nats-2"].map((pod) => signal(w, "primary", pod, "KILL")));
      await pause(10_000);
    });

    scenario("an edge's server killed", async () => {
      await signal(w, "edge-1", "nats-0", "KILL");
      await pause(8000);
    });

    scenario("an edge's server stopped for 60 s", async () => {
      await signal(w, "edge-2", "nats-0", "STOP");
      await pause(60_000);
      // the kubelet may have ended it meanwhile
      await signal(w, "edge-2", "nats-0", "CONT").catch(() => undefined);
      await pause(5000);
    });

    scenario("pods deleted, and scheduled anew: one of the primary, one of an edge", async () => {
      await w.kubectl.primary.run(["delete", "pod", "nats-2", "--wait=false"]);
      await w.kubectl["edge-1"].run(["delete", "pod", "nats-0", "--wait=false"]);
      await pause(25_000);
    });

    scenario("an edge rebooted while the primary cannot be reached", async () => {
      const mend = await cut("edge-1", "dropped");
      await signal(w, "edge-1", "nats-0", "KILL");
      await pause(20_000);
      await mend();
      await pause(5000);
    });

    scenario("the primary's and an edge's stack updated", async () => {
      await w.ensure("primary", primary({ edges: [...EDGES, "edge-3"] }));
      await w.ensure("edge-1", { ...reachable, images: { natsBox: { tag: "0.14.5" } } });
      await w.ensure("primary", primary());
      await w.ensure("edge-1", reachable);
    });

    if (!persistent) return;

    it("an edge's claim is wiped, and its stream made anew", async () => {
      const edge = w.kubectl["edge-1"];
      const made = async () =>
        (await edge.run(["logs", "deployment/nats-keeper"])).split("stream ops: made").length - 1;
      const before = await made();
      await edge.run(["delete", "pvc", "nats-js-nats-0", "--wait=false"]);
      await edge.run(["delete", "pod", "nats-0"]);
      await until("the stream of edge-1", made, (times) => times > before, 180);
    });
    scenario("after an edge's claim was wiped", () => pause(5000));
  });
}
