// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { complaints, during } from "../durability/scenario.ts";
import { installed } from "./installed.ts";
import { siteOf } from "./site.ts";
import { DEFAULT_VERSION, VERSIONS } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];

for (const version of VERSIONS.filter((version) => version !== DEFAULT_VERSION)) {
  describe(`servers of ${version} become servers of ${DEFAULT_VERSION}, while events flow`, () => {
    const nats = installed(version, {
      listed: EDGES,
      edges: EDGES,
      primary: { persistence: { enabled: true, size: "2Gi" } },
    });

    it("edges first, then the primary, then the edges' up once more: nothing is lost, doubled or out of order", async function () {
      this.timeout(600_000);
      const outcomes = await during(siteOf(nats(), EDGES), "servers upgraded", async () => {
        for (const name of [...EDGES, "primary"]) {
          await nats().upgrade(name, DEFAULT_VERSION);
          await pause(2000);
        }
        for (const name of EDGES) await nats().redeploy(name);
        await pause(2000);
      });
      assert.deepEqual(complaints(outcomes), []);
    });
  });
}
