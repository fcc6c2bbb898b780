// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { newTag } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { readStream } from "../scenarios/ledger.ts";

describe("a source whose edge was away longer than the server's own patience for one that is silent", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });

  for (const [how, seconds] of [
    ["reset", 25],
    ["dropped", 40],
  ] as const) {
    it(`is heard within 20 s after the link (${how}) is back, at a server that does not lead the intake`, async () => {
      const client = await nats().connect(nats().server("primary"), nats().deployed.controller.login);
      const { cluster } = await (await jetstreamManager(client)).streams.info("in");
      const { servers } = nats().cluster("primary");
      const others = servers.filter(({ name }) => name !== cluster?.leader);
      assert.equal(others.length, 2);
      const reader = await nats().client(nats().server("primary"));
      const tag = newTag();
      const subject = `ops.clusters.edge-1.${tag}`;
      const found = async () => (await readStream(reader, subject)).map(({ id }) => id);
      const edge = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
      edge.publish(subject, `${tag}.0`);
      await until("the source to be heard", async () => (await found()).length === 1, found);
      const mended = await nats().nodePort.broken(async () => {
        // a leaf that connects to the leader has it ask at once
        nats().nodePort.lead(others.map(({ ports }) => ports.leaf));
        for (let i = 1; i < 5; i++) edge.publish(subject, `${tag}.${i}`);
        await edge.flush();
        await pause(seconds * 1000);
      }, how);
      await until("what was said", async () => (await found()).length >= 5, found, 60);
      const waited = (Date.now() - mended) / 1000;
      // the server's own retries go up to two minutes; measured: 0.3 to 5 s (decision 11)
      assert.ok(waited < 20, `heard after ${waited} s`);
      assert.deepEqual(
        await found(),
        [0, 1, 2, 3, 4].map((i) => `${tag}.${i}`),
      );
    });
  }
});
