// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { audible, Heard, heardOnce, newTag } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { links } from "../harness/processes/links.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION, onEachVersion } from "../harness/processes/versions.ts";

const OF_1 = "ops.clusters.edge-1.x";
const OF_2 = "ops.clusters.edge-2.x";

/** Publishes some hundred events a second until `meanwhile` is done; gives them in order. */
async function steadily(from: NatsConnection, subject: string, meanwhile: () => Promise<void>): Promise<string[]> {
  const tag = newTag();
  const events: string[] = [];
  let done = false;
  const work = meanwhile().finally(() => {
    done = true;
  });
  while (!done) {
    const event = `${tag} steady ${events.length}`;
    events.push(event);
    from.publish(subject, event);
    await pause(1);
  }
  await work;
  await from.flush();
  return events;
}

onEachVersion("a reload of the primary", (version) => {
  const nats = installed(version, { listed: ["edge-1"], edges: ["edge-1"] });
  const client = async (name: string, ordinal = 0) => nats().client(nats().server(name, ordinal));
  const [wild, literal]: [Heard[], Heard[]] = [[], []];

  before("subscribe", async () => {
    for (const ordinal of [0, 1, 2]) {
      const connection = await client("primary", ordinal);
      for (const subject of ["ops.>", "ops.clusters.*.x", ">"]) wild.push(await Heard.on(connection, subject));
      literal.push(await Heard.on(connection, OF_2));
    }
  });

  // A server whose imports change adds the new ones before it takes the old ones away, for one subscription after the
  // other (client.go, processSubsOnConfigReload): what passes in between comes twice, one after the other. About one
  // event in a hundred reloads of a subscription at 1,700 events a second, and none lost.
  it("adds an edge for subscribers that were there; of another's events none is lost, and what comes twice passed at the instant of a reload", async () => {
    const edge1 = await client("edge-1");
    await audible(edge1, OF_1, wild);
    let reloads = 0;
    const list = async (entries: readonly unknown[]) => {
      await nats().list(entries);
      reloads++;
    };
    const events = await steadily(edge1, OF_1, async () => {
      await list(["edge-1", "edge-2"]);
      await nats().addEdge("edge-2");
      await nats().linked("edge-2");
      await heardOnce(await client("edge-2"), OF_2, [...wild, ...literal]);
      for (let round = 0; round < 4; round++) {
        const more = { name: "edge-3", publish: ["audit.>"], receive: ["commands.>"] };
        await list(["edge-1", "edge-2", more]);
        await list(["edge-2", "edge-1"]);
      }
      await heardOnce(await client("edge-2"), OF_2, [...wild, ...literal]);
    });
    assert.ok(events.length > 100, `${events.length} events`);
    const last = events.at(-1) ?? "";
    const missing = () => wild.map((l) => events.filter((event) => !l.has(event)).length);
    await until(`the last of ${events.length} events`, () => wild.every((l) => l.has(last)), missing);
    for (const listener of wild) {
      const heard = listener.events.filter((event) => event.includes(" steady "));
      const once = heard.filter((event, i) => event !== heard[i - 1]);
      assert.deepEqual(once, events, listener.subject);
      // several may pass in one such instant where the server has to wait for a processor: they follow each other
      const twice = once.map((event) => heard.indexOf(event) !== heard.lastIndexOf(event));
      const instants = twice.filter((doubled, i) => doubled && !twice[i - 1]).length;
      assert.ok(
        instants <= reloads,
        `${heard.length - once.length} doubled, at ${instants} times, in ${reloads} reloads`,
      );
    }
  });

  /** The links of edge-2, as the primary sees them. */
  const linksOf2 = async () => (await links(nats())).filter(({ server }) => server.startsWith("edge-2."));

  it("that takes an edge away leaves its link, but nobody hears it any more", async () => {
    const before = await linksOf2();
    assert.equal(before.length, 1);
    await nats().list(["edge-1"]);
    // the next test shows that the link would have carried it
    const [tag, two] = [newTag(), await client("edge-2")];
    for (const subject of [OF_2, "ops.notifications.x"]) two.publish(subject, tag);
    await two.flush();
    await heardOnce(await client("edge-1"), OF_1, wild);
    await pause(1000);
    assert.ok(!wild.some((listener) => listener.has(tag)));
    assert.deepEqual(await linksOf2(), before);
  });

  it("that gives it back lets it be heard by the same link", async () => {
    const before = await linksOf2();
    await nats().list(["edge-1", "edge-2"]);
    await heardOnce(await client("edge-2"), OF_2, [...wild, ...literal]);
    assert.deepEqual(await linksOf2(), before);
    await nats().list(["edge-1"]);
  });

  it("that took an edge away refuses its next connect", async () => {
    const server = nats().server("edge-2");
    assert.equal((await linksOf2()).length, 1);
    await server.kill();
    const from = server.log.length;
    await server.start();
    const refusals = () => server.log.slice(from).match(/Authorization Violation/g)?.length ?? 0;
    await until(
      "two refusals of edge-2",
      () => refusals() >= 2,
      () => server.log.slice(from),
    );
    assert.deepEqual(await linksOf2(), []);
    await heardOnce(await client("edge-1"), OF_1, wild);
  });

  it("restarts no server", () => {
    for (const { name, log } of nats().cluster("primary").servers) {
      assert.equal(log.match(/Server is ready/g)?.length, 1, name);
    }
  });
});

// The kubelet shows a changed Secret to each pod in its own time: one server knows an edge before the others do.
onEachVersion("a reload of one server of the primary after the other", (version) => {
  const stored = version === DEFAULT_VERSION ? [{ enabled: true, size: "1Gi" }] : [];
  for (const persistence of [undefined, ...stored]) {
    describe(persistence ? "with persistence" : "without persistence", () => {
      const primary = persistence ? { persistence } : {};
      const nats = installed(version, { listed: ["edge-1"], edges: ["edge-1"], primary });

      it("lets a new edge be heard by subscribers of all servers, whichever it is linked to", async () => {
        const wild: Heard[] = [];
        for (const server of nats().cluster("primary").servers)
          for (const subject of ["ops.>", "ops.clusters.*.x"])
            wild.push(await Heard.on(await nats().client(server), subject));
        await nats().list(["edge-1", "edge-2"], 700);
        await nats().addEdge("edge-2");
        for (let link = 0; link < 3; link++) {
          await nats().linked("edge-2");
          const listeners = wild.filter(({ subject }) => subject !== OF_2);
          await heardOnce(await nats().client(nats().server("edge-2")), OF_2, listeners);
          nats().nodePort.cut();
        }
      });
    });
  }
});
