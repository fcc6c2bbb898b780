// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Cluster, HelmRecord } from "../../../kubernetes/port.ts";
import { fullName } from "../../../nats/names.ts";
import { description } from "../../../preflight/helmRelease.ts";
import { forgetFormerRuns, settleFormerRuns } from "../../../rollout/formerRuns.ts";
import { formerServersGone } from "../../../rollout/formerServers.ts";
import { wakeServers } from "../../../rollout/wake.ts";
import { emptyCluster, ID, place, pods, unreachable, warnings } from "../../harness/fakeClusters.ts";
import { mockEngine } from "../../harness/mocks.ts";

describe("a Helm release", () => {
  const record = (revision: number, status: string, id: string | undefined = ID): HelmRecord => ({
    name: `sh.helm.release.v1.nats.v${revision}`,
    status,
    revision,
    description: "",
    owner: id === undefined ? undefined : { id, stack: "organization/ops-nats/edge-1" },
  });

  /** A cluster with records, and what was done to them. */
  function holding(...records: HelmRecord[]) {
    const done: string[] = [];
    const cluster: Cluster = {
      ...emptyCluster,
      helmRecords: async () => records,
      markFailed: async (_, name) => void done.push(`failed ${name.slice(-2)}`),
      forget: async (_, name) => void done.push(`forgot ${name.slice(-2)}`),
    };
    return { cluster, done };
  }

  const going = (...names: string[]) => pods(...names).map((pod) => ({ ...pod, going: true }));

  before(() => mockEngine("primary"));

  it("calls the chart's objects by its name, with nats in it", () => {
    assert.deepEqual(["nats", "ops-nats", "events"].map(fullName), ["nats", "ops-nats", "events-nats"]);
  });

  const described = (revision: number, status: string, text: string) => ({
    ...record(revision, status),
    description: text,
  });
  const FIRST = "installed by ops-nats";

  const servers = { replicas: 1, claim: undefined, image: undefined };
  const told = (records: HelmRecord[], there = true) =>
    description(place({ ...emptyCluster, runningServers: async () => (there ? servers : undefined) }), records);

  it("that is not there yet, or stands: its description stays, so that nothing changes", async () => {
    assert.equal(await told([], false), FIRST);
    for (const text of [FIRST, `${FIRST}, after revision 3 (uninstalling)`]) {
      assert.equal(await told([described(1, "superseded", "x"), described(4, "deployed", text)]), text);
    }
  });

  for (const [status, text] of [
    ["uninstalling", "Deletion in progress (or silently failed)"],
    ["pending-upgrade", "Preparing upgrade"],
    ["failed", FIRST],
    ["uninstalled", "Uninstallation complete"],
    ["deployed", "Rollback to 2"],
  ] as const) {
    it(`whose newest revision is ${status} (${text}): its description changes, so that Helm is run`, async () => {
      const records = [described(4, status, text), described(3, "superseded", FIRST)];
      assert.equal(await told(records), `${FIRST}, after revision 4 (${status === "deployed" ? text : status})`);
    });
  }

  it("whose servers are gone: the same", async () => {
    assert.equal(
      await told([described(4, "deployed", FIRST)], false),
      `${FIRST}, after revision 4 (StatefulSet missing)`,
    );
  });

  it("that is installed: of its own stack's former runs Helm forgets all, of others' nothing", async () => {
    const records = [record(1, "superseded"), record(2, "pending-install"), record(3, "deployed", "another")];
    const { cluster, done } = holding(...records);
    await forgetFormerRuns(place(cluster), ID);
    assert.deepEqual(done, ["forgot v1", "forgot v2"]);
  });

  for (const status of ["pending-upgrade", "pending-install", "pending-rollback", "uninstalling", "uninstalled"]) {
    it(`that is upgraded after a run that was killed (${status}): Helm may go on`, async () => {
      const { cluster, done } = holding(record(1, "superseded"), record(2, "deployed"), record(3, status));
      await settleFormerRuns(place(cluster), ID);
      assert.deepEqual(done, ["failed v3"]);
    });
  }

  it("that is upgraded and whole, or whose unfinished revision is another's: nothing is touched", async () => {
    const { cluster, done } = holding(
      record(1, "deployed"),
      record(2, "failed"),
      record(3, "pending-upgrade", "other"),
    );
    await settleFormerRuns(place(cluster), ID);
    assert.deepEqual(done, []);
  });

  it("that was uninstalled by hand: one line with the command that mends it", async () => {
    await assert.rejects(settleFormerRuns(place(emptyCluster), ID), {
      message:
        /^Helm release nats in namespace events: expected the one.*; came none.*; next: pulumi refresh -s edge-1, then pulumi up -s edge-1$/,
    });
  });

  it("of a cluster that gives no answer: an error; only waking servers may fail", async () => {
    const { far } = unreachable();
    await assert.rejects(forgetFormerRuns(place(far), ID), /ECONNREFUSED/);
    await assert.rejects(settleFormerRuns(place(far), ID), /ECONNREFUSED/);
    await assert.rejects(formerServersGone(place(far)), /ECONNREFUSED/);
    const [text] = await warnings(() => wakeServers(place(far)));
    assert.match(text ?? "", /^could not wake the servers in events \(connect ECONNREFUSED\);/);
  });

  it("waits until the servers of the former one are gone", async () => {
    const looks = [going("nats-0", "nats-1"), going("nats-1"), []];
    const draining = { ...emptyCluster, serverPods: async () => looks.shift() ?? assert.fail("asked again") };
    await formerServersGone(place(draining), { seconds: 10, pause: 0 });
    assert.deepEqual(looks, []);
  });

  it("takes servers up that a set still has", async () => {
    const running = { ...emptyCluster, runningServers: async () => servers, serverPods: async () => going("nats-0") };
    await formerServersGone(place(running), { seconds: 0, pause: 0 });
  });

  it("takes servers up that somebody has orphaned to make the set anew", async () => {
    const orphaned = { ...emptyCluster, serverPods: async () => pods("nats-0") };
    await formerServersGone(place(orphaned), { seconds: 0, pause: 0 });
  });

  it("gives up on servers that stay: one line that names them", async () => {
    const stuck = { ...emptyCluster, serverPods: async () => going("nats-0", "nats-2") };
    await assert.rejects(formerServersGone(place(stuck), { seconds: 0, pause: 0.01 }), {
      message:
        /^pods in namespace events: [^\n]*still there: nats-0, nats-2; next: kubectl -n events describe pod nats-0/,
    });
  });
});
