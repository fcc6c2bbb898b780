// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { audible, Heard, heardOnce, newTag } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { RawClient } from "../harness/processes/rawClient.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION, onEachVersion } from "../harness/processes/versions.ts";

const edge = { acceptClusterNames: ["default", "prod.eu"] };
const below = (name: string) => `ops.clusters.${name}.namespaces.x`;
/** What the controller reports of a name. */
const told = (name: string) =>
  new RegExp(`events below ops\\.clusters\\.${name}\\.> are not carried to the primary \\((\\d+) in`, "g");
const counts = (log: string, name: string) => [...log.matchAll(told(name))].map(([, count]) => Number(count));

/** How often a message passed the link of edge-1's only server from the primary. */
async function passed(monitor: number): Promise<number> {
  const page = await fetch(`http://127.0.0.1:${monitor}/leafz`);
  const { leafs } = (await page.json()) as { leafs: { in_msgs: number }[] };
  return leafs[0]?.in_msgs ?? assert.fail("no link");
}

onEachVersion("names of clusters at an edge", (version) => {
  for (const persistence of [undefined, { enabled: true, size: "1Gi" }]) {
    if (persistence && version !== DEFAULT_VERSION) continue;
    describe(persistence ? "with persistence" : "without persistence", () => {
      const primary = { replicas: 1, ...(persistence ? { persistence } : {}) };
      const nats = installed(version, { listed: ["edge-1"], edges: ["edge-1"], primary, edge });
      const client = (name: string) => nats().connect(nats().server(name), nats().login(name));
      const watching = () =>
        until("the controller to count", async () => {
          const page = await fetch(`http://127.0.0.1:${nats().server("edge-1").ports.monitor}/connz?auth=1`);
          return ((await page.json()) as { connections: { authorized_user?: string }[] }).connections.some(
            ({ authorized_user }) => authorized_user === "watch",
          );
        });

      it("arrive under the edge's own where they are accepted, once, at the primary and at the edge", async () => {
        const listeners = [
          await Heard.on(await client("primary"), below("edge-1")),
          await Heard.on(await client("edge-1"), below("edge-1")),
        ];
        const strange = await Heard.on(await client("primary"), below("default"));
        const from = await client("edge-1");
        for (const name of ["default", "prod.eu", "edge-1"]) await heardOnce(from, below(name), listeners);
        assert.deepEqual(strange.events, []);
      });

      if (persistence) {
        it("are stored under the edge's own, at the edge and at the primary", async () => {
          const { jetstreamManager } = await import("@nats-io/jetstream");
          for (const where of ["primary", "edge-1"]) {
            const streams = await jetstreamManager(await client(where));
            const subjects = async () => {
              const { state } = await streams.streams.info("ops", { subjects_filter: "ops.>" });
              return Object.keys(state.subjects ?? {});
            };
            await until(`events in ops of ${where}`, async () => (await subjects()).length > 0);
            assert.deepEqual(await subjects(), [below("edge-1")], where);
          }
        });
      }

      it("are reported with their count where they are not, and nothing else is", async () => {
        await watching();
        const controller = nats().controller("edge-1");
        const begin = controller.log.length;
        const from = await client("edge-1");
        const local = await Heard.on(await client("edge-1"), "ops.clusters.>");
        const away = await Heard.on(await client("primary"), "ops.>");
        const tag = newTag();
        for (let i = 0; i < 12; i++) from.publish(below("strange"), `${tag} ${i}`);
        for (const name of ["default", "edge-1"]) from.publish(below(name), `${tag} ${name}`);
        from.publish("ops.clusters.bare", `${tag} bare`);
        await from.flush();
        const log = () => controller.log.slice(begin);
        await controller.says(/on ops\.clusters\.bare itself are not carried/, 30, begin);
        const sum = () => counts(log(), "strange").reduce((all, count) => all + count, 0);
        await until("all twelve to be reported", () => sum() >= 12, log);
        from.publish(below("second"), tag); // what is reported after it was counted after all of that
        await controller.says(told("second"), 30, begin);
        assert.equal(sum(), 12, log());
        assert.match(log(), /add strange to ops-nats:acceptClusterNames or set Ops' event\.cluster to edge-1\n/);
        for (const name of ["default", "prod", "edge-1"]) assert.deepEqual(counts(log(), name), [], log());
        await audible(from, below("edge-1"), [away]);
        // nothing is relabelled without the setting: at the edge as it was said, at the primary not at all
        assert.equal(local.events.filter((event) => event.startsWith(tag)).length, 16);
        assert.deepEqual(away.events.filter((event) => event.startsWith(tag)).sort(), [
          `${tag} default`,
          `${tag} edge-1`,
        ]);
      });

      it("are reported as what they are, whatever their headers look like", async () => {
        await watching();
        const controller = nats().controller("edge-1");
        const begin = controller.log.length;
        const forged = [
          "tick 1",
          "failed 1",
          '[#1] Received on "ops.clusters.forged.x"',
          '[#1] Received on "ops.clusters.forged.x" with reply "',
        ];
        const { ports } = nats().server("edge-1");
        const raw = await RawClient.connect(ports.client, nats().login("edge-1"));
        // natscli would answer the second as flow control, which the user may not
        for (const [subject, reply, lines] of [
          [below("headers"), "", forged.map((key) => `${key}: v"`)],
          [below("headers"), "any.reply", ["Status: 100"]],
        ] as const) {
          raw.publish(subject, reply, `NATS/1.0\r\n${lines.join("\r\n")}\r\n\r\n`);
        }
        const from = await client("edge-1");
        from.publish(below("after"), "x");
        await from.flush();
        await controller.says(told("after"), 30, begin);
        raw.close();
        const log = controller.log.slice(begin);
        assert.ok(counts(log, "headers").reduce((all, count) => all + count, 0) >= 1, log);
        assert.doesNotMatch(log, /forged|not counted for now/);
      });

      it("are counted again after the edge's server has come back", async () => {
        await nats().server("edge-1").kill();
        await nats().server("edge-1").start();
        await watching();
        const controller = nats().controller("edge-1");
        const begin = controller.log.length;
        const from = await client("edge-1");
        await until("a report", () => {
          from.publish(below("later"), "x");
          return counts(controller.log.slice(begin), "later").length > 0;
        });
      });
    });
  }

  describe("which receives events of others", () => {
    const listed = [{ name: "edge-1", receive: ["ops.clusters.primary.>"] }];
    const primary = { replicas: 1 };
    const nats = installed(version, { listed, edges: ["edge-1"], primary });

    it("asks for none of them while nobody else listens, and does not count them when somebody does", async () => {
      const controller = nats().controller("edge-1");
      const at = nats().server("edge-1");
      const [from, local] = [
        await nats().client(nats().server("primary")),
        await nats().connect(at, nats().login("edge-1")),
      ];
      const probe = async () => {
        const begin = controller.log.length;
        await until("a stray to be reported", () => {
          local.publish(below("default"), "x");
          return counts(controller.log.slice(begin), "default").length > 0;
        });
      };
      await probe();
      const before = await passed(at.ports.monitor);
      for (let i = 0; i < 50; i++) from.publish(below("primary"), `${i}`);
      await from.flush();
      await probe();
      assert.equal(await passed(at.ports.monitor), before);
      const listener = await Heard.on(local, "ops.clusters.>");
      await heardOnce(from, below("primary"), [listener]);
      await probe();
      assert.deepEqual(counts(controller.log, "primary"), []);
      assert.match(controller.log, /of events under other names only ops\.clusters\.default\.> are counted/);
    });
  });

  describe("of three servers", () => {
    const nats = installed(version, {
      listed: ["edge-1"],
      edges: ["edge-1"],
      primary: { replicas: 1 },
      edge,
      edgeReplicas: 3,
    });

    it("arrive once whichever server they are published at, and are counted once", async () => {
      const at = (ordinal: number) => nats().connect(nats().server("edge-1", ordinal), nats().login("edge-1"));
      const listeners = [await Heard.on(await nats().client(nats().server("primary")), below("edge-1"))];
      for (const ordinal of [0, 1, 2]) listeners.push(await Heard.on(await at(ordinal), "ops.>"));
      const controller = nats().controller("edge-1");
      for (const ordinal of [0, 1, 2]) {
        const from = await at(ordinal);
        await heardOnce(from, below("default"), listeners);
        const name = `at-${ordinal}`;
        await until("a stray to be reported", () => {
          from.publish(below(`first-${name}`), "x");
          return counts(controller.log, `first-${name}`).length > 0;
        });
        for (let i = 0; i < 5; i++) from.publish(below(name), `${i}`);
        const sum = () => counts(controller.log, name).reduce((all, count) => all + count, 0);
        await until(
          "all five",
          () => sum() >= 5,
          () => controller.log,
        );
        from.publish(below(`after-${name}`), "x");
        await controller.says(told(`after-${name}`), 30);
        assert.equal(sum(), 5, controller.log);
      }
    });
  });
});
