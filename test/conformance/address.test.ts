// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Installation } from "../harness/processes/installation.ts";
import { installed } from "../harness/processes/installed.ts";
import { links } from "../harness/processes/links.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION, onEachVersion } from "../harness/processes/versions.ts";

const EDGES = ["edge-1", "edge-2"];

/** Cuts all links and waits for new ones; gives how many of those came through the NodePort. */
async function throughNodePort(nats: Installation): Promise<number> {
  const before = (await links(nats)).map(({ peer }) => peer);
  nats.nodePort.cut();
  const anew = async () => {
    const now = (await links(nats)).map(({ peer }) => peer);
    return now.length === EDGES.length && !now.some((peer) => before.includes(peer)) && now;
  };
  const now = await until("new links", anew, () => links(nats));
  const peers = nats.nodePort.ports().map((port) => `127.0.0.1:${port}`);
  return now.filter((peer) => peers.includes(peer)).length;
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

    // from 2.15 on edges dial what they are told to dial
    const [what, edges] = version === DEFAULT_VERSION ? ["still the public one", EDGES.length] : ["a pod's own", 0];
    it(`is ${what}, once edges have learned it`, async () => {
      assert.equal(await throughNodePort(nats()), edges);
    });
  });
});
