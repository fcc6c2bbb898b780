// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { Heard, heardOnce } from "./heard.ts";
import { installed } from "./installed.ts";
import type { LeafInfo } from "./natsServer.ts";
import { until } from "./until.ts";
import { onEachVersion } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];
const ofEdge = (edge: string) => `ops.clusters.${edge}.namespaces.x`;
const NOTIFICATION = "ops.notifications.providers.p.channels.c.severities.s";

/** Longer than a leaf takes to come back: 1 s and up to 1 s of chance. */
const LINK_AGE = 3000;

onEachVersion("events", (version) => {
  const nats = installed(version, { listed: EDGES, edges: EDGES });
  const kept: Heard[] = [];
  let linksAtStart: readonly string[] = [];
  let start = 0;

  /** One end of every link, with what changes when it is made anew. */
  const links = async (): Promise<readonly string[]> => {
    const ends = await Promise.all(
      nats()
        .cluster("primary")
        .servers.map((server) => server.leafs()),
    );
    return ends
      .flat()
      .map(({ name, ip, port }: LeafInfo) => `${name} ${ip}:${port}`)
      .sort();
  };

  before("note the links", async () => {
    start = Date.now();
    linksAtStart = await links();
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
    assert.deepEqual(
      linksAtStart.map((link) => link.split(" ")[0]),
      ["edge-1-nats-0", "edge-2-nats-0"],
    );
    const seen: (readonly string[])[] = [];
    await until("links of some age", async () => {
      seen.push(await links());
      return Date.now() - start > LINK_AGE;
    });
    for (const links of seen) assert.deepEqual(links, linksAtStart);
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
