// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { until } from "../../sandbox/kubectl.ts";
import {
  type Cut,
  cut,
  reachable,
  type SmallDisk,
  signal,
  siteOf,
  smallDisk,
  streamsMade,
  unplug,
} from "../harness/clusters/clusterSite.ts";
import { podIdentities, type Stack, type World, world } from "../harness/clusters/world.ts";
import { inOps, NO_ROOM } from "../scenarios/ledger.ts";
import { complaints, complaintsAlone, complaintsHeard, during, type Load, wipedAt } from "../scenarios/scenario.ts";

const EDGES: readonly Stack[] = ["edge-1", "edge-2"];
const THREE: readonly Stack[] = [...EDGES, "edge-3"];
const LOAD: Load = { steady: 250, each: 10, size: 300 };
const HEAVY: Load = { steady: 700, each: 10, size: 2000 };
/** Milliseconds until a disk was full and told with persistence: without it, the fault ends then, too (after a minute where only that side runs). */
const full = new Map<string, number>();
const persistence = { enabled: true, size: "8Gi" };

/** Breaks something while something else goes on, and mends it also where that failed; gives the time when it was mended. */
async function broken(
  faults: readonly (() => Promise<() => Promise<void>>)[],
  act: () => Promise<void>,
): Promise<number> {
  const mend: (() => Promise<void>)[] = [];
  try {
    for (const fault of faults) mend.push(await fault());
    await act();
  } finally {
    for (const back of mend) await back();
  }
  return Date.now();
}

for (const persistent of [true, false]) {
  describe(`edges on real clusters, ${persistent ? "with persistence" : "without"}`, () => {
    let w: World;
    const primary = (more: object = {}) => ({ edges: EDGES, ...(persistent ? { persistence } : {}), ...more });

    before(async () => {
      w = await world({ edges: 3, unhurried: true });
      for (const stack of ["edge-3", ...EDGES, "primary"] as const) await w.destroy(stack);
      await w.ensure("primary", primary());
      for (const edge of EDGES) await w.ensure(edge, reachable);
      await linked();
    });

    /** Until an event of each edge is heard. */
    async function linked(edges = EDGES): Promise<void> {
      const site = await siteOf(w, edges, persistent);
      const listener = await site.connect("primary");
      const heard = new Set<string>();
      listener.subscribe("ops.clusters.*.probe", {
        callback: (_, message) => void heard.add(message.subject.split(".")[2] ?? ""),
      });
      for (const edge of edges) {
        const client = await until(
          `a server of ${edge}`,
          () => site.connect(edge),
          () => true,
        );
        for (let tries = 0; tries < 300 && !heard.has(edge); tries++) {
          client.publish(`ops.clusters.${edge}.probe`);
          await pause(200);
        }
        await client.close();
        assert.ok(heard.has(edge), edge);
      }
      await listener.close();
    }

    interface More {
      readonly edges?: readonly Stack[];
      readonly load?: Load;
      /** Whose events nobody hears for so many seconds; with persistence the live subscriber, whose own link stands, then hears all. */
      readonly alone?: readonly [seconds: number, ...edges: Stack[]];
      /** The live subscriber's server and its link stand meanwhile: with persistence it hears what all edges store. */
      readonly stands?: boolean;
    }
    const scenario = (
      title: string,
      act: () => Promise<unknown>,
      { edges = EDGES, load = LOAD, alone, stands }: More = {},
    ) =>
      it(title, async function () {
        this.timeout(1_200_000);
        const site = await siteOf(w, edges, persistent);
        const outcomes = await during(site, title, act, { load, seconds: 300 });
        if (persistent) assert.deepEqual([...complaints(outcomes), ...(stands ? complaintsHeard(outcomes) : [])], []);
        const [seconds = 0, ...cutOff] = alone ?? [];
        const silent = outcomes.filter(({ cluster }) => cutOff.some((edge) => edge === cluster));
        assert.deepEqual(complaintsAlone(silent, seconds, { persistent }), []);
      });

    const ready = (stack: Stack, pod: string) =>
      w.kubectl[stack].run(["wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=300s"], { timeout: 310_000 });

    const deletePod = (stack: Stack, pod: string) => w.kubectl[stack].run(["delete", "pod", pod]);
    async function newClaim(stack: Stack, pod: string): Promise<void> {
      await w.kubectl[stack].run(["delete", "pvc", `nats-js-${pod}`, "--wait=false"]);
      await deletePod(stack, pod);
    }

    /** A server that begins with an empty disk: an edge's stream is made anew, a server of the primary copies from the others. */
    async function emptied(stack: Stack, pod: string, act: () => Promise<unknown>): Promise<void> {
      await (stack === "primary" ? act() : madeAnew(stack, act));
      await ready(stack, pod);
    }

    /** Until the controller of a cluster, as it runs now, has made the stream anew. */
    async function madeAnew(stack: Stack, act: () => Promise<unknown>): Promise<void> {
      const before = await streamsMade(w, stack);
      await act();
      await until(
        `the stream of ${stack}`,
        () => streamsMade(w, stack),
        (times) => times > before,
        180,
      );
    }

    scenario("calm for 10 s", () => pause(10_000), { stands: true });

    /** Whose events are missed without persistence: packets that are dropped for less than the 27 s after which a link is dead may all come by TCP. */
    const missing = (seconds: number, cutOff: Readonly<Partial<Record<Stack, Cut>>>): More => {
      const edges = THREE.filter((edge) => cutOff[edge] === "reset" || (cutOff[edge] && (persistent || seconds > 27)));
      return { alone: [seconds, ...edges] };
    };
    const cuts = (seconds: number, one: Cut, two: Cut) =>
      scenario(
        `links cut for ${seconds} s (${one}, ${two})`,
        async () => {
          const back = await broken([() => cut("edge-1", one), () => cut("edge-2", two)], () => pause(seconds * 1000));
          await pause(5000);
          return back;
        },
        missing(seconds, { "edge-1": one, "edge-2": two }),
      );
    cuts(10, "dropped", "reset");
    cuts(120, "reset", "dropped");
    // what is lost without persistence in ten minutes servers as processes show
    if (persistent) cuts(600, "dropped", "reset");

    for (const seconds of persistent ? [10, 120, 600] : [10, 120]) {
      scenario(`the primary's cable pulled for ${seconds} s`, async () => {
        const back = await broken([() => unplug("primary")], () => pause(seconds * 1000));
        await pause(8000);
        return back;
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

    scenario(
      "an edge's server killed",
      async () => {
        await signal(w, "edge-1", "nats-0", "KILL");
        await pause(8000);
      },
      { stands: true },
    );

    scenario(
      "an edge's server stopped for 60 s",
      async () => {
        await signal(w, "edge-2", "nats-0", "STOP");
        await pause(60_000);
        // the kubelet may have ended it meanwhile
        await signal(w, "edge-2", "nats-0", "CONT").catch(() => undefined);
        await pause(5000);
      },
      { stands: true },
    );

    scenario("pods deleted, and scheduled anew: one of the primary, one of an edge", async () => {
      await w.kubectl.primary.run(["delete", "pod", "nats-2", "--wait=false"]);
      await w.kubectl["edge-1"].run(["delete", "pod", "nats-0", "--wait=false"]);
      await pause(25_000);
    });

    scenario(
      "an edge rebooted while the primary cannot be reached",
      async () => {
        await broken([() => cut("edge-1", "dropped")], async () => {
          await signal(w, "edge-1", "nats-0", "KILL");
          await pause(20_000);
        });
        await pause(5000);
      },
      { alone: [15, "edge-1"], stands: true }, // its server takes some seconds until it stores again
    );

    scenario(
      "the primary's and an edge's stack updated",
      async () => {
        const shorter = persistent ? { persistence: { ...persistence, maxAge: "5d" } } : {};
        await w.ensure("primary", primary({ edges: THREE, ...shorter }));
        const before = await podIdentities(w.kubectl["edge-1"]);
        const podTemplate = { merge: { metadata: { annotations: { updated: "by chaos" } } } };
        await w.ensure("edge-1", { values: { ...reachable.values, podTemplate } });
        assert.notDeepEqual(await podIdentities(w.kubectl["edge-1"]), before, "the edge's server was not replaced");
        await w.ensure("primary", primary());
        await w.ensure("edge-1", reachable);
      },
      { stands: true },
    );

    it("an edge's claim wiped: what was there stays, what the edge stores then arrives", async function () {
      this.timeout(1_200_000);
      const site = await siteOf(w, EDGES, persistent);
      const reader = await site.connect("primary");
      const had = persistent ? await inOps(reader, "edge-1") : new Map();
      assert.equal(had.size > 0, persistent);
      const act = async () => {
        if (persistent) await emptied("edge-1", "nats-0", () => newClaim("edge-1", "nats-0"));
        else await deletePod("edge-1", "nats-0");
        await pause(10_000);
      };
      const outcomes = await during(site, "an edge's claim wiped", act, { load: LOAD, seconds: 300 });
      if (persistent) {
        assert.deepEqual([...complaints(outcomes.map(wipedAt("edge-1"))), ...complaintsHeard(outcomes)], []);
        assert.deepEqual(await inOps(reader, "edge-1", had), had);
      }
      await reader.close();
    });
    scenario("after an edge's claim was wiped", () => pause(5000));

    for (const [stack, pod] of [["edge-1", "nats-0"] as const, ["primary", "nats-1"] as const]) {
      const title = `the disk full, of ${stack === "primary" ? "a server of the primary" : "an edge"}`;
      const server = () => w.kubectl[stack].run(["logs", pod, "-c", "nats"]);
      const notWell = async () =>
        (await w.kubectl[stack].run(["logs", "deployment/nats-controller"])).match(/not well:.*/g)?.at(-1) ?? "";
      let disk: SmallDisk | undefined;

      if (persistent) {
        it(`${stack} gets a small disk`, async () => {
          // an edge begins anew; a server of the primary gets all that the others have, and shall be full some seconds after
          disk = await smallDisk(w, stack, pod, stack === "primary" ? (used) => used + 150 : () => 40);
          await emptied(stack, pod, () => deletePod(stack, pod));
        });
      }
      // the controller tells it; when there is room again, all that edges have stored arrives
      scenario(
        title,
        async () => {
          const untilFull = async () => {
            if (!persistent) return pause(full.get(title) ?? 60_000);
            assert.ok(disk, "no disk was made: this scenario does not run without the one before");
            const started = Date.now();
            await until("the server to say it", server, (log) => NO_ROOM.test(log), 240);
            await until("the controller to say it", notWell, (line) => line.includes(pod), 90);
            full.set(title, Date.now() - started);
            await disk.grow(12_000);
          };
          await broken(stack === "primary" ? [] : [() => cut(stack, "dropped")], async () => {
            await untilFull();
            await deletePod(stack, pod); // as the README says
          });
          await pause(10_000);
        },
        { load: HEAVY },
      );
      if (persistent) {
        it(`${stack} gets a claim again`, async () => {
          await disk?.remove();
          await emptied(stack, pod, () => newClaim(stack, pod));
          await linked();
        });
      }
    }

    it("there is a third edge", async () => {
      await w.ensure("primary", primary({ edges: THREE }));
      await w.ensure("edge-3", reachable);
      await linked(THREE);
    });
    scenario(
      "three edges, the links of two cut for 10 s (reset, dropped)",
      async () => {
        const back = await broken([() => cut("edge-3", "reset"), () => cut("edge-2", "dropped")], () => pause(10_000));
        await pause(5000);
        return back;
      },
      { edges: THREE, ...missing(10, { "edge-3": "reset", "edge-2": "dropped" }) },
    );

    if (!persistent) return;

    it("the same Nats-Msg-Id from two edges is two events", async () => {
      const site = await siteOf(w, EDGES, persistent);
      const subject = (edge: string) => `ops.clusters.${edge}.id`;
      const header = headers();
      header.set("Nats-Msg-Id", "one and the same");
      for (const edge of EDGES) {
        const client = await site.connect(edge);
        client.publish(subject(edge), edge, { headers: header });
        await client.flush();
        await client.close();
      }
      const app = await site.connect("primary");
      const manager = await jetstreamManager(app, { timeout: 20_000 });
      const wanted = Object.fromEntries(EDGES.map((edge) => [subject(edge), 1]));
      const found = async () =>
        (await manager.streams.info("ops", { subjects_filter: "ops.clusters.*.id" })).state.subjects ?? {};
      await until("both", found, (subjects) => Object.keys(subjects).length === EDGES.length, 60);
      assert.deepEqual(await found(), wanted);
      await app.close();
    });
  });
}
