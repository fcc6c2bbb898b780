// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { leafs, until } from "../../../sandbox/kubectl.ts";
import { cross } from "../../harness/clusters/traffic.ts";
import { EVENT, OLD, old, versionOf, type World, world } from "../../harness/clusters/world.ts";

describe("the guide's server, 2.10.20", () => {
  let w: World;
  before(async () => {
    w = await world({ unhurried: true });
    await w.ensure("primary", old);
    await w.ensure("edge-1", old);
  });

  it("runs, and events cross", async () => {
    const { primary, "edge-1": edge } = w.kubectl;
    for (const stack of ["primary", "edge-1"] as const) assert.equal(await versionOf(w, stack), OLD);
    await until(
      "one link at the primary",
      () => leafs(primary),
      (all) => all.length === 1,
    );
    assert.deepEqual(await cross(edge, primary, EVENT("edge-1"), ["old"], { filter: "ops.>" }), ["old"]);
  });
});
