// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { Heard, heardOnce } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { assertLasting, type Link, links } from "../harness/processes/links.ts";
import { until } from "../harness/processes/until.ts";
import { onEachVersion } from "../harness/processes/versions.ts";

const EDGES = ["edge-1", "edge-2"];
const ofEdge = (edge: string) => `ops.clusters.${edge}.namespaces.x`;
const NOTIFICATION = "ops.notifications.providers.p.channels.c.severities.s";

onEachVersion("events", (version) => {
  const nats = installed(version, { listed: EDGES, edges: EDGES });
  const kept: Heard[] = [];
  let atStart: readonly Link[] = [];
  let start = 0;

  before("note the links", async () => {
    start = Date.now();
    atStart = await links(nats());
  });

  /** A subscriber alone: another's interest in the same events would carry them for it. */
  async function alone(subject: string, ordinal: number): Promise<Heard> {
    const interest = async () => {
      const lists = await Promise.all(EDGES.map((edge) => nats().server(edge).leafs()));
      return lists.flat().flatMap((leaf) => leaf.subscriptions_list ?? []);
    };
    const ours = (s: string) => s === ">" || s.startsWith("ops.");
    await until("the edges to hear of no interest in events", async () => !(await interest()).some(ours), interest);
    return Heard.on(await nats().client(nats().server("primary", ordinal)), subject);
  }

  for (const ordinal of [0, 1, 2]) {
    for (const edge of EDGES) {
      it(`of ${edge} reach a literal subscriber at the primary's server ${ordinal}, once`, async () => {
        const listener = await alone(ofEdge(edge), ordinal);
        await heardOnce(await nats().client(nats().server(edge)), ofEdge(edge), [listener]);
        listener.end();
      });
    }

    for (const subject of ["ops.clusters.*.namespaces.x", "ops.clusters.>", "ops.>", ">"]) {
      it(`of both edges reach a subscriber of ${subject} at the primary's server ${ordinal}, once`, async () => {
        const listener = await alone(subject, ordinal);
        for (const edge of EDGES) {
          await heardOnce(await nats().client(nats().server(edge)), ofEdge(edge), [listener]);
        }
        listener.end();
      });
    }

    it(`notifications reach subscribers at the primary's server ${ordinal}, once`, async () => {
      for (const subject of ["ops.notifications.>", NOTIFICATION]) {
        const listener = await alone(subject, ordinal);
        for (const edge of EDGES) {
          await heardOnce(await nats().client(nats().server(edge)), NOTIFICATION, [listener]);
        }
        listener.end();
      }
    });
  }

  it("reach all kinds of subscribers on all servers at a time, once each", async () => {
    const subjects = [ofEdge("edge-1"), "ops.clusters.edge-1.>", "ops.clusters.*.namespaces.x", "ops.>", ">"];
    for (const server of nats().cluster("primary").servers) {
      const connection = await nats().client(server);
      for (const subject of subjects) kept.push(await Heard.on(connection, subject));
    }
    await heardOnce(await nats().client(nats().server("edge-1")), ofEdge("edge-1"), kept);
  });

  it("of the primary itself are heard there once", async () => {
    const own = "ops.clusters.primary.nodes.n";
    const listeners = kept.filter((l) => l.subject === "ops.>" || l.subject === ">");
    await heardOnce(await nats().client(nats().server("primary")), own, listeners);
  });

  it("both links are the same ones for longer than a reconnect takes", async () => {
    const servers = atStart.map(({ server }) => server);
    assert.deepEqual(servers, ["edge-1.nats-0", "edge-2.nats-0"]);
    await assertLasting(nats(), atStart, start);
    for (const edge of EDGES) {
      const { log } = nats().server(edge);
      assert.equal(log.match(/Leafnode connection created/g)?.length, 1, log);
      assert.doesNotMatch(log, /\[ERR\]|Leafnode connection closed/);
    }
  });

  it("nothing came twice, however late", () => {
    for (const listener of kept) assert.deepEqual(listener.doubles(), [], listener.subject);
  });
});
