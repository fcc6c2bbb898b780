// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { installed } from "../harness/processes/installed.ts";
import type { NatsServer } from "../harness/processes/natsServer.ts";
import { until } from "../harness/processes/until.ts";
import { VERSIONS } from "../harness/processes/versions.ts";

/** Seconds that nats/chartValues.ts and the README name. The primary's end waits once more where it heard something since it last looked. */
const NOTICED = { "edge-1": 27, primary: 36 };
/** What is waited for longer, so that a failure says the seconds. */
const LONGER = 10;
/** Seconds for the clocks of both. */
const ROUNDED = 1;

describe("a link that goes silent", () => {
  const plan = { listed: ["edge-1"], edges: ["edge-1"], primary: { replicas: 1 } };
  const installations = VERSIONS.map((version) => installed(version, plan));

  /** Seconds until a server closes the link that it has. */
  async function noticed(server: NatsServer, seconds: number): Promise<number> {
    const [start, port] = [Date.now(), (await server.leafs())[0]?.port];
    assert.notEqual(port, undefined, `${server.name} has no link`);
    const from = server.log.length;
    const stale = () => /Stale (Client )?Connection/i.test(server.log.slice(from));
    await until(`${server.name} to give up the link`, stale, () => server.log.slice(from), seconds + LONGER);
    return (Date.now() - start) / 1000;
  }

  it(`is given up by the edge within ${NOTICED["edge-1"]} s, by the primary within ${NOTICED.primary}, and made anew`, async function () {
    this.timeout(120_000);
    const times = installations.map(async (installation) => {
      const nats = installation();
      const ends = Object.entries(NOTICED).map(([name, seconds]) => [nats.server(name), seconds] as const);
      let took: number[] = [];
      await nats.nodePort.broken(async () => {
        took = await Promise.all(ends.map(([server, seconds]) => noticed(server, seconds)));
      }, "dropped");
      await nats.linked("edge-1");
      return took;
    });
    for (const [edge = Number.NaN, primary = Number.NaN] of await Promise.all(times)) {
      assert.ok(edge < NOTICED["edge-1"] + ROUNDED, `the edge: ${edge} s`);
      assert.ok(primary < NOTICED.primary + ROUNDED, `the primary: ${primary} s`);
    }
  });
});
