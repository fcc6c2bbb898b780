// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { installed } from "../harness/processes/installed.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { count, settled } from "./arrived.ts";
import { eventText } from "./flow.ts";
import { readStream } from "./ledger.ts";

/** Seconds in which nothing is stored anywhere, after which nothing is. */
const QUIET = 60;

/**
 * So many events at once, as fast as one connection takes them: they come faster than they are stored, and wait in the server's memory.
 * @param size bytes of one
 */
export function burstSuite(events: number, size: number): void {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "16Gi" } },
    inMemory: false, // events wait because the disk is slower
  });

  for (const cluster of ["edge-1", "primary"]) {
    it(`${events} events of ${size} bytes at once at ${cluster === "primary" ? "the primary" : "an edge"} are all stored, in order`, async function () {
      this.timeout(2_000_000); // an edge writes each event to its disk at once
      const subject = `ops.clusters.${cluster}.burst`;
      const client = await nats().connect(nats().server(cluster), nats().login(cluster));
      for (let i = 0; i < events; i++) {
        client.publish(subject, eventText(String(i), size));
        if (i % 10_000 === 0) await client.flush();
      }
      await client.flush();
      const reader = await nats().client(nats().server("primary"));
      // One that was dropped never comes. How fast the others do is the disk's; a server hands none of what waits on before all of it is stored.
      const places = cluster === "primary" ? [reader] : [client, reader];
      const wanted = events * places.length;
      const come = async () => {
        const found = await Promise.all(places.map((place) => count(place, subject)));
        return nats().drops().length > 0 ? wanted : found.reduce((sum, number) => sum + number, 0);
      };
      await settled(come, wanted, QUIET);
      assert.deepEqual(nats().drops().slice(0, 3), []);
      const found = (await readStream(reader, subject)).map(({ id }) => Number(id));
      assert.equal(found.length, events);
      assert.equal(
        found.findIndex((number, i) => number !== i),
        -1,
      );
    });
  }
}
