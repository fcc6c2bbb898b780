// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { Heard, heardOnce } from "./heard.ts";
import { installed } from "./installed.ts";
import { until } from "./until.ts";
import { onEachVersion } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];
const ORDINALS = [0, 1, 2];
const COMMAND = "commands.do";

/** Longer than a leaf takes to come back: 1 s and up to 1 s of chance. */
const LINK_AGE = 3000;

onEachVersion("two edges of three servers each", (version) => {
  const listed = ["edge-1", { name: "edge-2", receive: ["commands.>"] }];
  const nats = installed(version, { listed, edges: EDGES, edgeReplicas: 3 });
  const client = async (name: string, ordinal: number) => nats().client(nats().server(name, ordinal));

  const links = async (): Promise<readonly string[]> => {
    const ends = await Promise.all(
      nats()
        .cluster("primary")
        .servers.map((server) => server.leafs()),
    );
    const texts = ends.flat().map(({ name, ip, port }) => `${name} ${ip}:${port}`);
    return texts.sort();
  };
  let linksAtStart: readonly string[] = [];
  let start = 0;

  before("note the links", async () => {
    start = Date.now();
    linksAtStart = await links();
  });

  for (const edge of EDGES) {
    it(`what is said at any server of ${edge} is heard at all servers of the primary, once`, async () => {
      const listeners: Heard[] = [];
      for (const ordinal of ORDINALS) {
        const connection = await client("primary", ordinal);
        for (const s of [`ops.clusters.${edge}.x`, "ops.clusters.*.x", ">"])
          listeners.push(await Heard.on(connection, s));
      }
      for (const ordinal of ORDINALS) {
        await heardOnce(await client(edge, ordinal), `ops.clusters.${edge}.x`, listeners);
      }
      for (const listener of listeners) assert.deepEqual(listener.doubles(), [], listener.subject);
    });
  }

  it("what is said at any server of the primary is heard at all servers of the edge that may receive it, once", async () => {
    const listeners: Heard[] = [];
    const others: Heard[] = [];
    for (const ordinal of ORDINALS) {
      for (const subject of [COMMAND, "commands.*", ">"]) {
        listeners.push(await Heard.on(await client("edge-2", ordinal), subject));
        others.push(await Heard.on(await client("edge-1", ordinal), subject));
      }
    }
    for (const ordinal of ORDINALS) await heardOnce(await client("primary", ordinal), COMMAND, listeners);
    for (const listener of listeners) assert.deepEqual(listener.doubles(), [], listener.subject);
    const own = others.filter(({ subject }) => subject === ">");
    for (const ordinal of ORDINALS) await heardOnce(await client("edge-1", ordinal), "ops.clusters.edge-1.x", own);
    const commands = others.flatMap(({ events }) => events).filter((event) => event.includes(COMMAND));
    assert.deepEqual(commands, []);
  });

  it("all six links are the same ones for longer than a reconnect takes", async () => {
    const names = EDGES.flatMap((edge) => ORDINALS.map((ordinal) => `${edge}-nats-${ordinal}`));
    assert.deepEqual(
      linksAtStart.map((link) => link.split(" ")[0]),
      names,
    );
    const seen: (readonly string[])[] = [];
    await until("links of some age", async () => {
      seen.push(await links());
      return Date.now() - start > LINK_AGE;
    });
    for (const links of seen) assert.deepEqual(links, linksAtStart);
  });
});
