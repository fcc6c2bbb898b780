// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Installation } from "./installation.ts";
import { installed } from "./installed.ts";
import { until } from "./until.ts";
import { onEachVersion } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];

/** The peers' ports of all links, as the primary's servers see them. */
async function links(nats: Installation): Promise<readonly number[]> {
  const ends = await Promise.all(nats.cluster("primary").servers.map((server) => server.leafs()));
  return ends.flat().map((leaf) => leaf.port);
}

/** Cuts all links and waits for new ones; gives how many of those came through the NodePort. */
async function throughNodePort(nats: Installation): Promise<number> {
  const before = await links(nats);
  nats.nodePort.cut();
  const anew = async () => {
    const now = await links(nats);
    return now.length === EDGES.length && !now.some((port) => before.includes(port)) && now;
  };
  const now = await until("new links", anew, () => links(nats));
  return now.filter((port) => nats.nodePort.ports().includes(port)).length;
}

onEachVersion("the address that edges dial", (version) => {
  describe("with leafnodes.advertise", () => {
    const nats = installed(version, { listed: EDGES, edges: EDGES });

    it("is the primary's public one, also after the links were cut", async () => {
      for (let cut = 0; cut < 2; cut++) assert.equal(await throughNodePort(nats()), EDGES.length);
    });
  });

  describe("without it, as a control", () => {
    const edit = (conf: string) => {
      const without = conf.replace(/"advertise":"[^"]*",/, "");
      assert.notEqual(without, conf);
      return without;
    };
    const nats = installed(version, { listed: EDGES, edges: EDGES, edit });

    it("is a pod's own, once edges have learned it", async () => {
      assert.equal(await throughNodePort(nats()), 0);
    });
  });
});
