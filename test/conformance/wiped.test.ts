// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { readStream } from "../durability/ledger.ts";
import { wiped } from "./durabilitySuite.ts";
import { newTag } from "./heard.ts";
import { installed } from "./installed.ts";
import { until } from "./until.ts";
import { DEFAULT_VERSION } from "./versions.ts";

// A consumer that is made anew counts from one again. A source that still listens takes what it hands over for what it has had,
// as long as the numbers are those that it knows; where they then meet, the first ones are passed over and nothing is noticed.
describe("disks that are wiped while the primary still listens to the stream's predecessor", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });

  /** Says so many events at once, and waits until `ops` has them, in order. */
  async function arrive(cluster: string, ordinal: number, events: number): Promise<void> {
    const tag = newTag();
    const subject = `ops.clusters.${cluster}.${tag}`;
    const client = await nats().connect(nats().server(cluster, ordinal), nats().login(cluster));
    const wanted = Array.from({ length: events }, (_, i) => `${tag}.${i}`);
    for (const id of wanted) client.publish(subject, id);
    await client.flush();
    const reader = await nats().client(nats().server("primary", 0));
    const found = async () => (await readStream(reader, subject)).map(({ id }) => id);
    await until(`${events} events of ${cluster}`, async () => (await found()).length >= events, found, 60);
    assert.deepEqual(await found(), wanted);
  }

  for (const [before, after] of [
    [3, 3],
    [4, 40],
    [40, 4],
  ] as const) {
    it(`an edge's: ${before} events were fetched before, ${after} are stored at once after`, async () => {
      await arrive("edge-1", 0, before);
      await wiped(nats(), "edge-1");
      await arrive("edge-1", 0, after);
      await arrive("edge-1", 0, 1);
    });

    it(`a primary's server's: ${before} events of its own were taken before, ${after} come at once after`, async () => {
      await arrive("primary", 1, before);
      const server = nats().server("primary", 1);
      await server.kill();
      await rm(nats().cluster("primary").storeFolder(1), { recursive: true });
      const log = nats().keeper("primary").log.length;
      await server.start();
      const told = () => nats().keeper("primary").log.slice(log).includes("it counts on from now");
      await until("the keeper to notice", told, () => nats().keeper("primary").log.slice(log), 60);
      await arrive("primary", 1, after);
      await arrive("primary", 1, 1);
    });
  }
});
