// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { installed } from "../harness/processes/installed.ts";
import { siteOf } from "../harness/processes/site.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { complaints, during } from "../scenarios/scenario.ts";

const EDGES = ["edge-1", "edge-2"];

describe("a primary of one server, and edges of three, with persistence", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: EDGES,
    edges: EDGES,
    edgeReplicas: 3,
    primary: { replicas: 1, persistence: { enabled: true, size: "4Gi" } },
  });

  async function keeps(title: string, act: () => Promise<unknown>): Promise<void> {
    const load = { steady: 300, each: 10, size: 300 };
    const outcomes = await during(siteOf(nats(), EDGES), title, act, { load });
    assert.deepEqual(complaints(outcomes), []);
    for (const { cluster, sent } of outcomes) assert.ok(sent > 300, `${cluster}: ${sent}`);
  }

  /** The ordinal of the server that leads an edge's stream, and the consumer by which the primary reads it. */
  async function leaders(edge: string): Promise<readonly number[]> {
    const client = await nats().connect(nats().server(edge), nats().login(edge));
    const { streams, consumers } = await jetstreamManager(client);
    const names = [(await streams.info("ops")).cluster?.leader, (await consumers.info("ops", edge)).cluster?.leader];
    await client.close();
    return names.map((name) => {
      const ordinal = nats()
        .cluster(edge)
        .servers.findIndex((server) => server.name === name);
      assert.ok(ordinal >= 0, `${name}`);
      return ordinal;
    });
  }

  it("lose nothing in calm weather, nor when the links are cut", async () => {
    await keeps("other sizes: calm", () => pause(1500));
    await keeps("other sizes: link cut by resets for 5 s", async () => {
      const back = await nats().nodePort.broken(() => pause(5000));
      await pause(2000);
      return back;
    });
  });

  it("lose nothing when the server of an edge that leads its stream is killed, nor that which leads its consumer", async () => {
    for (const which of [0, 1]) {
      await keeps(
        `other sizes: an edge's server killed (the ${which === 0 ? "stream" : "consumer"}'s leader)`,
        async () => {
          const server = nats().server("edge-1", (await leaders("edge-1"))[which]);
          await server.kill();
          await pause(3000);
          await server.start();
          await pause(2000);
        },
      );
    }
  });

  it("lose nothing of what is stored when all servers of an edge are killed, nor when the primary's is", async () => {
    for (const cluster of ["edge-2", "primary"]) {
      await keeps(`other sizes: all servers of ${cluster} killed`, async () => {
        await pause(2000); // one whose servers are away says nothing
        await nats().cluster(cluster).kill();
        await pause(1000);
        await nats().cluster(cluster).start();
        await pause(2000);
      });
    }
  });

  it("lose nothing when edges are added and removed", async () => {
    await keeps("other sizes: edges added and removed", async () => {
      for (const entries of [[...EDGES, "edge-8"], EDGES]) {
        await nats().list(entries);
        await nats().controller("primary").planned();
      }
    });
  });
});
