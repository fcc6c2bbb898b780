// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { eventText } from "../durability/flow.ts";
import { readStream } from "../durability/ledger.ts";
import { installed } from "./installed.ts";
import { until } from "./until.ts";
import { DEFAULT_VERSION } from "./versions.ts";

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
      const { streams } = await jetstreamManager(reader, { timeout: 20_000 });
      const has = async () => (await streams.info("ops", { subjects_filter: subject })).state.subjects?.[subject] ?? 0;
      // One that was dropped never comes. How fast the others do is the disk's; a server hands none of what waits on before all of it is stored.
      const { streams: own } = await jetstreamManager(client, { timeout: 20_000 });
      const stored = async () => (cluster === "primary" ? 0 : (await own.info("ops")).state.messages);
      let [before, grown] = [0, Date.now()];
      const come = async () => {
        const found = await has();
        const now = found + (await stored());
        if (now > before) [before, grown] = [now, Date.now()];
        return nats().drops().length > 0 || found >= events || Date.now() - grown > QUIET * 1000;
      };
      await until("all of them", come, has, 1900);
      assert.deepEqual(nats().drops().slice(0, 3), []);
      const numbers = (await readStream(reader, subject)).map(({ id }) => Number(id));
      assert.equal(numbers.length, events);
      assert.equal(
        numbers.findIndex((number, i) => number !== i),
        -1,
      );
    });
  }
}
