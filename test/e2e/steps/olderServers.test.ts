// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { DEFAULT_VERSION } from "../../conformance/versions.ts";
import { cut, reachable } from "../clusterSite.ts";
import { Stored, steps } from "../stored.ts";
import { OLD, old, removeAll, versionOf, type World, world } from "../world.ts";

// What the README's section says of servers before 2.14, as it is printed there.
describe("changing persistence, on servers before 2.14", () => {
  let w: World;
  let s: Stored;
  before(async () => {
    w = await world();
    s = await Stored.in(w);
    await w.ensure("primary", { ...old, persistence: s.persistence, edges: ["edge-1"] });
    await w.ensure("edge-1", { ...old, ...reachable });
  });

  it("an edge gets a new claim; the steps wait for what the primary has not had, and what it says from then on comes, too", async () => {
    assert.equal(await versionOf(w, "edge-1"), OLD);
    await s.whole("before a new claim", undefined, { version: OLD });
    const [before] = await s.claims("edge-1");
    const [atEdge, atPrimary] = [await steps(/^last=/), await steps(/deployment\/nats-keeper -- nats stream get/)];
    const mend = await cut("edge-1", "dropped");
    let mended: Promise<void> | undefined;
    let [tag, last, printed] = ["", 0, ""];
    try {
      tag = await s.said(50);
      last = Number(await w.shell("edge-1", atEdge));
      assert.ok(last > 0);
      mended = pause(10_000).then(mend); // it is still there when the steps begin to wait
      // the same shell, in which a reader has chosen the other cluster meanwhile
      printed = await w.shell("primary", `last=${last}\n${atPrimary}`);
    } finally {
      await (mended ?? mend());
    }
    const had = printed.trim().split("\n").map(Number);
    assert.ok((had[0] ?? last) < last, `it had to wait for ${last}: ${printed}`);
    assert.ok((had.at(-1) ?? 0) >= last, printed);
    await w.shell("edge-1", await steps(/size' 1Gi -s edge-1/));
    const [after] = await s.claims("edge-1");
    assert.deepEqual([after?.size, after?.phase], ["1Gi", "Bound"]);
    assert.notEqual(after?.uid, before?.uid);
    assert.equal(await s.found(tag, 50), 50);
    // seen to store everything twice for a while then
    await s.whole("after a new claim", undefined, { version: OLD, doubled: "all" });
  });

  it("its servers become those of today while events flow, and none of the edge's comes twice", async () => {
    const block = await steps(/images\.nats\.tag/);
    const act = () => w.shell("primary", block);
    await s.whole("servers upgraded", act, { version: `${OLD} to ${DEFAULT_VERSION}`, doubled: "a few own" });
    for (const stack of ["primary", "edge-1"] as const) assert.equal(await versionOf(w, stack), DEFAULT_VERSION);
    await s.whole("after servers were upgraded");
  });

  it("and all of it goes", async () => {
    for (const stack of ["edge-1", "primary"] as const) await removeAll(w, stack);
  });
});
