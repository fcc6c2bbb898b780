// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { podIdentities, UP, type World, world } from "../../harness/clusters/world.ts";

describe("nothing changes when nothing changed", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary");
    await w.ensure("edge-1");
  });

  for (const stack of ["primary", "edge-1"] as const) {
    for (const command of [["preview"], UP, ["refresh", "--yes", "--skip-preview"], ["preview"]]) {
      it(`pulumi ${command[0]} --expect-no-changes -s ${stack}`, async () => {
        const pods = await podIdentities(w.kubectl[stack]);
        const { failed, text } = await w.pulumi(stack, ...command, "--expect-no-changes");
        assert.ok(!failed, text);
        assert.doesNotMatch(text, /warning:/, "no warning in it");
        assert.deepEqual(await podIdentities(w.kubectl[stack]), pods);
      });
    }
  }
});
