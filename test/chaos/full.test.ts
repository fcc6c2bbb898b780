// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { installed } from "../conformance/installed.ts";
import { siteOf } from "../conformance/site.ts";
import { until } from "../conformance/until.ts";
import { complaints, during } from "../durability/scenario.ts";

const VERSION = "2.14.9";
const EDGES = ["edge-1", "edge-2"];
const load = { steady: 1000, each: 10, size: 2000 };

describe("an edge's stream that is full, keep-oldest", () => {
  const nats = installed(VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "8Gi", whenFull: "keep-oldest" } },
    edge: { persistence: { size: "100M" } },
  });

  it("do not store what is new and keep what was there, which the keeper says; all of it arrives", async function () {
    this.timeout(600_000);
    const outcomes = await during(
      siteOf(nats(), ["edge-1"]),
      "an edge cut off until its stream was full (keep-oldest)",
      async () => {
        nats().nodePort.break();
        const log = () => nats().keeper("edge-1").log;
        await until("the keeper to say it", () => /stream ops: full .* refused/.test(log()), log, 180);
        nats().nodePort.mend();
      },
      { load },
    );
    assert.deepEqual(complaints(outcomes), []);
    const edge = outcomes[0] ?? assert.fail();
    assert.ok(edge.stored < edge.sent, "some were refused");
  });
});

// Needs root, for a disk of its own.
describe("an edge's disk that is full", () => {
  const nats = installed(VERSION, {
    listed: EDGES,
    edges: EDGES,
    primary: { persistence: { enabled: true, size: "8Gi" } },
    edge: { persistence: { size: "1Gi" } },
  });
  const folder = () => nats().cluster("edge-1").storeFolder(0);

  it("ends what the edge stores, which its keeper says; with room, all that was stored arrives", async function () {
    this.timeout(600_000);
    const edge = nats().server("edge-1");
    await edge.kill();
    await rm(folder(), { recursive: true });
    await mkdir(folder(), { recursive: true });
    await execa("mount", ["-t", "tmpfs", "-o", "size=40m", "tmpfs", folder()]);
    await edge.start();
    const log = () => edge.log;
    await until(
      "the stream",
      () => /stream ops: made[\s\S]*stream ops: made/.test(nats().keeper("edge-1").log),
      log,
      60,
    );
    const outcomes = await during(
      siteOf(nats(), EDGES),
      "an edge's disk full",
      async () => {
        nats().nodePort.break();
        await until(
          "the server to say it",
          () => /no space left|out of (disk|storage|resource)/i.test(log()),
          log,
          120,
        );
        const told = () => nats().keeper("edge-1").log;
        await until("the keeper to say it", () => /servers that are not well: {1,2}nats-0/.test(told()), told, 90);
        await pause(2000);
        await execa("mount", ["-o", "remount,size=400m", folder()]);
        await edge.kill();
        await edge.start();
        nats().nodePort.mend();
        await pause(3000);
      },
      { load, seconds: 120 },
    );
    await edge.kill();
    await execa("umount", [folder()]);
    assert.deepEqual(complaints(outcomes), []);
  });
});
