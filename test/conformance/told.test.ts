// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { SMALLEST } from "../../config/schema.ts";
import { installed } from "../harness/processes/installed.ts";
import { Relays } from "../harness/processes/relays.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";

// With disks that are full in truth, and a primary that then gets all that was kept, it is in `npm run test:chaos`.
for (const [whenFull, words] of [
  ["keep-oldest", /stream ops: full with \d+ bytes; new events are refused/],
  ["keep-newest", /stream ops: full with \d+ bytes; its oldest events give way/],
] as const) {
  describe(`an edge's stream that is full (${whenFull})`, () => {
    const nats = installed(DEFAULT_VERSION, {
      listed: ["edge-1"],
      edges: ["edge-1"],
      primary: { persistence: { enabled: true, size: "2Gi", whenFull } },
      edge: { persistence: { size: SMALLEST.edge } },
      disk: (claim) => claim, // in memory: what a disk takes in a second is not what is asked here
    });

    it("keeps what it was told to keep, and the controller says so", async () => {
      nats().nodePort.break();
      const controller = nats().controller("edge-1");
      const client = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
      const { streams } = await jetstreamManager(client);
      const { config } = await streams.info("ops");
      const size = 64_000;
      const room = Math.floor(config.max_bytes / size);
      const event = (number: number) => `${number} `.padEnd(size, "x");
      let said = 0;
      const say = async (count: number) => {
        for (const end = said + count; said < end; said++) client.publish("ops.clusters.edge-1.x", event(said));
        await client.flush();
      };
      const state = async () => (await streams.info("ops")).state;
      while (said < room - 100) {
        await say(Math.min(1000, room - 100 - said)); // 64 MB: no more than may wait to be stored
        await until("all to be stored", async () => (await state()).messages === said, state, 60);
      }
      await controller.kill(); // a minute may pass until its next look
      await controller.says(words, 120);
      await say(200);
      let before = "";
      const kept = await until(
        "the last to be taken or refused",
        async () => {
          const { first_seq, last_seq, messages } = await state();
          const [now, then] = [`${first_seq} ${last_seq}`, before];
          before = now;
          if (now !== then) await pause(1000);
          return now === then && { first: first_seq, last: last_seq, messages };
        },
        () => before,
        60,
      );
      assert.ok(kept.messages <= room && kept.messages < said, `${kept.messages} of ${said}, ${room}`);
      const number = async (seq: number) =>
        Number((await streams.getMessage("ops", { seq }))?.string().split(" ")[0] ?? assert.fail(`${seq}`));
      const [oldest, newest] = [await number(kept.first), await number(kept.last)];
      if (whenFull === "keep-oldest") assert.deepEqual([oldest, newest], [0, kept.messages - 1]);
      else assert.deepEqual([oldest, newest], [said - kept.messages, said - 1]);
    });
  });
}

describe("a server that runs and is not well, as one whose disk is full", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: [],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });
  const relays = new Relays();
  after("close the ports", () => relays.close());

  it("is told by the controller, and when it is well again", async () => {
    const controller = nats().controller("primary");
    const [first, ...others] = nats().cluster("primary").servers;
    assert.ok(first);
    let well = false;
    controller.monitors = [
      ...(await relays.of([first], (path, page) => (path === "/healthz" && !well ? { ...page, status: 503 } : page))),
      ...(await relays.of(others, (_, page) => page)),
    ];
    await controller.kill();
    await controller.says("servers that are not well: nats-0", 90);
    well = true;
    await controller.says("servers that are not well: none", 90);
  });
});

describe("a certificate of a primary's servers", () => {
  const nats = installed(DEFAULT_VERSION, {
    listed: [],
    edges: [],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });

  it("is told of by the controller when it ends soon, and not before", async () => {
    const controller = nats().controller("primary");
    await controller.planned();
    assert.doesNotMatch(controller.log, /certificate/);
    const deployed = nats().deployed.controller;
    const plan = JSON.parse(deployed.files["plan.json"] ?? "");
    assert.deepEqual(plan.certificates, { leaf: 180, cluster: 180 });
    const soon = { leaf: 1461, cluster: 1461 }; // days: longer than any of them is valid
    const from = controller.log.length;
    const files = { ...deployed.files, "plan.json": JSON.stringify({ ...plan, certificates: soon }) };
    await controller.start({ ...deployed, files });
    await controller.says(/certificate of the servers has \d+ days left, then edges do not connect/, 60, from);
    await controller.says(/has \d+ days left, then the cluster's servers do not find each other/, 60, from);
    await pause(5000);
    const metrics = await controller.page("/metrics");
    for (const of of ["leaf", "cluster"]) {
      const end = new RegExp(`^ops_nats_certificate_end_timestamp_seconds{of="${of}"} (\\S+)$`, "m").exec(metrics)?.[1];
      assert.ok(Number(end) * 1000 > Date.now(), metrics);
    }
    const times = controller.log.slice(from).match(/days left/g);
    assert.equal(times?.length, 2, "once a day each");
  });
});
