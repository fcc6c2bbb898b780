// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { Heard, heardOnce } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { assertLasting, type Link, links } from "../harness/processes/links.ts";
import { onEachVersion } from "../harness/processes/versions.ts";

const EDGES = ["edge-1", "edge-2"];
const ORDINALS = [0, 1, 2];
const COMMAND = "commands.do";

onEachVersion("two edges of three servers each", (version) => {
  const listed = ["edge-1", { name: "edge-2", receive: ["commands.>"] }];
  const nats = installed(version, { listed, edges: EDGES, edgeReplicas: 3 });
  const client = async (name: string, ordinal: number) => nats().client(nats().server(name, ordinal));

  let atStart: readonly Link[] = [];
  let start = 0;

  before("note the links", async () => {
    start = Date.now();
    atStart = await links(nats());
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
    const names = EDGES.flatMap((edge) => ORDINALS.map((ordinal) => `${edge}.nats-${ordinal}`));
    const servers = atStart.map(({ server }) => server);
    assert.deepEqual(servers, names);
    await assertLasting(nats(), atStart, start);
  });
});
