// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { installed } from "../harness/processes/installed.ts";
import { siteOf } from "../harness/processes/site.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { complaints, during } from "../scenarios/scenario.ts";

const EDGES = Array.from({ length: 200 }, (_, i) => `edge-${i + 1}`);

for (const persistent of [true, false]) {
  describe(`two hundred edges, servers as processes, ${persistent ? "with persistence" : "without"}`, function () {
    this.timeout(1_200_000);
    const nats = installed(DEFAULT_VERSION, {
      listed: EDGES,
      edges: [],
      ...(persistent ? { primary: { persistence: { enabled: true, size: "20Gi" } } } : {}),
    });

    before("start the edges", async () => {
      // ten at a time: a controller waits for seconds until it makes a consumer; two hundred that look each second are too much for one machine
      for (let i = 0; i < EDGES.length; i += 10) {
        const some = EDGES.slice(i, i + 10);
        for (const name of some) await nats().addEdge(name);
        const controllers = some.map((name) => nats().controller(name));
        if (persistent) await Promise.all(controllers.map((controller) => controller.planned()));
        await Promise.all(controllers.map((controller) => controller.stop()));
      }
      for (const name of EDGES) await nats().linked(name);
    });

    for (const [title, act] of [
      ["200 edges, calm", () => pause(5000)],
      [
        "200 edges, all links cut for 10 s",
        async () => {
          const back = await nats().nodePort.broken(() => pause(10_000));
          await pause(5000);
          return back;
        },
      ],
      [
        "200 edges, a server of the primary killed",
        async () => {
          const server = nats().server("primary", 1);
          await server.kill();
          await pause(4000);
          await server.start();
          await pause(3000);
        },
      ],
    ] as const) {
      it(title, async () => {
        const load = { steady: 5, each: 0, size: 300 };
        const outcomes = await during(siteOf(nats(), EDGES, persistent), title, act, { load, seconds: 240 });
        if (!persistent) return;
        assert.deepEqual(complaints(outcomes), []);
        const kept = outcomes.filter(({ stored }) => stored > 0);
        assert.equal(kept.length, EDGES.length + 1);
      });
    }
  });
}
