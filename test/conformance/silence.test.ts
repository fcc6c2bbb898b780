// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { installed } from "./installed.ts";
import type { NatsServer } from "./natsServer.ts";
import { until } from "./until.ts";
import { VERSIONS } from "./versions.ts";

/** What components/values.ts promises of ping_interval and ping_max. */
const NOTICED = 30;

describe("a link that goes silent", () => {
  const plan = { listed: ["edge-1"], edges: ["edge-1"], primary: { replicas: 1 } };
  const installations = VERSIONS.map((version) => installed(version, plan));

  /** Seconds until a server closes the link that it has. */
  async function noticed(server: NatsServer): Promise<number> {
    const [start, port] = [Date.now(), (await server.leafs())[0]?.port];
    assert.notEqual(port, undefined, `${server.name} has no link`);
    const from = server.log.length;
    const stale = () => /Stale (Client )?Connection/i.test(server.log.slice(from));
    await until(`${server.name} to give up the link`, stale, () => server.log.slice(from), NOTICED + 5);
    return (Date.now() - start) / 1000;
  }

  it(`is given up by both ends within ${NOTICED} s, and made anew`, async function () {
    this.timeout((NOTICED + 15) * 1000);
    const times = installations.map(async (installation) => {
      const nats = installation();
      let seconds: number[] = [];
      await nats.nodePort.broken(async () => {
        seconds = await Promise.all([noticed(nats.server("edge-1")), noticed(nats.server("primary"))]);
      }, "dropped");
      await nats.linked("edge-1");
      return seconds;
    });
    for (const seconds of (await Promise.all(times)).flat()) assert.ok(seconds < NOTICED, `${seconds} s`);
  });
});
