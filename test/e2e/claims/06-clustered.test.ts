// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { leafs, until } from "../../../sandbox/kubectl.ts";
import { cross } from "../../harness/clusters/traffic.ts";
import { EVENT, type World, world } from "../../harness/clusters/world.ts";

describe("an edge of three servers", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
    await w.ensure("edge-1");
    await w.ensure("edge-2", { replicas: 3 });
  });

  it("is a cluster called as the edge, each of its servers linked to the primary", async () => {
    const { primary, "edge-2": edge } = w.kubectl;
    await until(
      "four links at the primary",
      () => leafs(primary),
      (all) => all.length === 4,
    );
    const names = (await leafs(primary)).map(({ name }) => name).sort();
    assert.deepEqual(names, ["edge-1.nats-0", "edge-2.nats-0", "edge-2.nats-1", "edge-2.nats-2"]);
    const { cluster } = await edge.monitor<{ cluster: { name: string } }>("nats-0", "/varz");
    assert.equal(cluster.name, "edge-2");
  });

  it("carries each event once", async () => {
    const { primary, "edge-2": edge } = w.kubectl;
    const events = ["one", "two", "three"];
    assert.deepEqual(await cross(edge, primary, EVENT("edge-2"), events, { filter: "ops.>" }), events);
  });
});
