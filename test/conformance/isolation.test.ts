// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { audible, Heard, heardOnce, newTag, notHeard } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { RawLeaf } from "../harness/processes/rawLeaf.ts";
import { until } from "../harness/processes/until.ts";
import { onEachVersion } from "../harness/processes/versions.ts";

const WIDE = { name: "edge-2", publish: ["audit.>"], receive: ["commands.edge-2.>", "ops.clusters.primary.>"] };
const COMMAND = "commands.edge-2.do";
const OWN = "ops.clusters.primary.nodes.n";

onEachVersion("what comes down to an edge", (version) => {
  const nats = installed(version, { listed: ["edge-1", WIDE], edges: ["edge-1", "edge-2"] });
  const client = async (name: string, ordinal = 0) => nats().client(nats().server(name, ordinal));

  /** Every subscriber that could hear something at an edge. */
  async function listen(edge: string): Promise<readonly Heard[]> {
    const connection = await client(edge);
    return Promise.all([">", "ops.>", "ops.clusters.*.nodes.n", OWN, COMMAND].map((s) => Heard.on(connection, s)));
  }

  it("with receive: what is in it, once, from each of the primary's servers, to literals and wildcards", async () => {
    const listeners = await listen("edge-2");
    for (const ordinal of [0, 1, 2]) {
      const primary = await client("primary", ordinal);
      await heardOnce(primary, OWN, listeners.slice(0, 4));
      await heardOnce(
        primary,
        COMMAND,
        [listeners[0], listeners[4]].filter((l) => l !== undefined),
      );
      await notHeard(primary, "commands.edge-3.do", COMMAND, listeners.slice(0, 1));
    }
    for (const listener of listeners) assert.deepEqual(listener.doubles(), [], listener.subject);
  });

  it("without receive: nothing, be it the primary's, another edge's or a command", async () => {
    const [listeners, control] = [await listen("edge-1"), (await listen("edge-2")).slice(0, 1)];
    const primary = await client("primary");
    const edge2 = await client("edge-2");
    const atPrimary = [await Heard.on(await client("primary"), "ops.>")];
    await heardOnce(primary, OWN, control);
    await heardOnce(primary, COMMAND, control);
    await heardOnce(edge2, "ops.clusters.edge-2.nodes.n", atPrimary);
    await heardOnce(edge2, "ops.notifications.n", atPrimary);
    // what edge-1 says comes to its subscribers after all that
    await heardOnce(await client("edge-1"), "ops.clusters.edge-1.nodes.n", [...listeners.slice(0, 3), ...atPrimary]);
    const foreign = listeners.flatMap((l) => l.events).filter((event) => !/edge-1|probe/.test(event));
    assert.deepEqual(foreign, []);
  });

  it("to a server that subscribes against its permissions: nothing either", async () => {
    const { port } = nats().nodePort;
    const link = (edge: string) => RawLeaf.connect(port, `raw-${edge}`, nats().deployed.link(edge));
    const [greedy, entitled] = [await link("edge-1"), await link("edge-2")];
    for (const leaf of [greedy, entitled]) {
      for (const subject of [">", "ops.>", "ops.clusters.*.nodes.n", "commands.>"]) leaf.subscribe(subject);
      assert.equal(await leaf.accepted(), true, leaf.errors.join());
    }
    const primary = await client("primary");
    const event = `${newTag()} down`;
    await until("an event at the link that may receive it", () => {
      primary.publish(OWN, event);
      return entitled.received.some(([subject, payload]) => subject === OWN && payload === event);
    });
    await audible(await client("edge-2"), "ops.clusters.edge-2.x", [await Heard.on(primary, "ops.>")]);
    assert.equal(await greedy.accepted(), true, greedy.errors.join());
    const events = greedy.received.filter(([subject]) => !subject.startsWith("$"));
    assert.deepEqual(events, []);
    greedy.subscribe(OWN);
    assert.equal(await greedy.accepted(), false, "a literal subject of others is answered by closing the link");
    entitled.close();
  });

  it("publish widens what an edge may say, for that edge only", async () => {
    const listeners = [];
    for (const ordinal of [0, 1, 2]) {
      const connection = await client("primary", ordinal);
      listeners.push(await Heard.on(connection, "audit.*"), await Heard.on(connection, ">"));
    }
    await heardOnce(await client("edge-2"), "audit.login", listeners);
    const wide = listeners.filter((l) => l.subject === ">");
    await notHeard(await client("edge-1"), "audit.login", "ops.clusters.edge-1.x", wide);
    await notHeard(await client("edge-2"), "other.login", "audit.login", listeners);
  });
});
