// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { installed } from "../harness/processes/installed.ts";
import { siteOf } from "../harness/processes/site.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { complaints, during } from "../scenarios/scenario.ts";

const NINE = Array.from({ length: 9 }, (_, i) => `edge-${i + 1}`);

describe("the tenth edge, added while nine send", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: NINE,
    edges: NINE,
    primary: { persistence: { enabled: true, size: "2Gi" } },
  });

  it("drops no event of the nine, stored or live, and doubles none; its own arrive", async () => {
    const site = siteOf(nats(), NINE);
    const subject = "ops.clusters.edge-10.x";
    const app = await site.connect("primary");
    const manager = await jetstreamManager(app);
    const found = async () => {
      const { state } = await manager.streams.info("ops", { subjects_filter: subject });
      return state.subjects?.[subject] ?? 0;
    };
    const outcomes = await during(
      site,
      "the tenth edge added",
      async () => {
        await pause(1000);
        await nats().list([...NINE, "edge-10"], 300); // the kubelet shows it to one server after the other
        await nats().controller("primary").planned();
        await nats().addEdge("edge-10");
        await nats().linked("edge-10");
        await nats().controller("edge-10").planned();
        const tenth = await site.connect("edge-10");
        tenth.publish(subject, "first");
        await tenth.flush();
        await until("an event of the tenth", async () => (await found()) > 0, found, 60);
        await tenth.close();
      },
      { load: { steady: 40, each: 2, size: 300 } },
    );
    assert.equal(await found(), 1);
    assert.deepEqual(complaints(outcomes), []);
    assert.deepEqual(outcomes.map(({ cluster }) => cluster).sort(), [...NINE, "primary"].sort());
    for (const { cluster, sent, stored, unheard, heardTwice } of outcomes) {
      assert.ok(sent > 200, `${cluster}: ${sent}`);
      // an answer that came too late counts as not sent
      assert.ok(stored >= sent, `${cluster}: ${stored} of ${sent}`);
      assert.deepEqual([unheard, heardTwice], [0, 0], cluster);
    }
    await app.close();
  });
});
