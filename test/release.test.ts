// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import {
  type Cluster,
  DESCRIPTION,
  formerServersGone,
  type HelmRecord,
  refuseForeignRelease,
  wakeServers,
} from "../components/release.ts";
import { unreachable, untouched, warnings } from "./fakeClusters.ts";
import { mockEngine } from "./mocks.ts";

describe("release that is there already", () => {
  const cluster = (...records: HelmRecord[]): Cluster => ({ ...untouched, helmRecords: async () => records });

  it("none: goes on", () => refuseForeignRelease(cluster(), "ops-system"));

  it("installed by the guide: one line with a way that keeps what was changed", async () => {
    await assert.rejects(
      refuseForeignRelease(cluster({ status: "deployed", revision: 1, description: "Install complete" }), "events"),
      {
        message:
          /^Helm release nats in namespace events: expected none.*came one with status deployed.*the guide.*next: helm get values nats -n events.*helm uninstall nats -n events[^\n]*then pulumi up -s edge-1$/,
      },
    );
  });

  it("left by an interrupted run: told by its newest revision", async () => {
    const records: HelmRecord[] = [
      { status: "pending-upgrade", revision: 10, description: "Preparing upgrade" },
      { status: "deployed", revision: 9, description: DESCRIPTION },
    ];
    await assert.rejects(refuseForeignRelease(cluster(...records), "ops-system"), {
      message:
        /status pending-upgrade, left by an interrupted run; next: helm uninstall nats -n ops-system [^\n]*then pulumi up -s edge-1$/,
    });
  });

  it("finished by an interrupted run: known by its description", async () => {
    const record = { status: "deployed", revision: 1, description: DESCRIPTION };
    await assert.rejects(refuseForeignRelease(cluster(record), "ops-system"), {
      message: /left by an interrupted run/,
    });
  });

  it("cannot be looked for, or servers not be woken: a warning, and the run goes on", async () => {
    await mockEngine("primary");
    const { far, asked } = unreachable();
    const warned = await warnings(async () => {
      await refuseForeignRelease(far, "events");
      await formerServersGone(far, "events");
      await wakeServers(far, "events");
    });
    assert.equal(warned.length, 3);
    for (const text of warned) assert.match(text, /^could not (look for|wake) [^\n]*\(connect ECONNREFUSED\);/);
    assert.deepEqual(asked, ["records events nats", "servers events nats", "pods events nats"]);
  });

  it("waits until the servers of the former release are gone", async () => {
    await mockEngine("primary");
    const looks = [["nats-0", "nats-1"], ["nats-1"], []];
    const draining: Cluster = { ...untouched, serverPods: async () => looks.shift() ?? assert.fail("asked again") };
    await formerServersGone(draining, "events", { seconds: 10, pause: 0 });
    assert.deepEqual(looks, []);
  });

  it("gives up on servers that stay: one line that names them", async () => {
    await mockEngine("primary");
    const stuck: Cluster = { ...untouched, serverPods: async () => ["nats-0", "nats-2"] };
    await assert.rejects(formerServersGone(stuck, "events", { seconds: 0, pause: 0.01 }), {
      message:
        /^pods in namespace events: [^\n]*still there: nats-0, nats-2; next: kubectl -n events describe pod nats-0/,
    });
  });
});
