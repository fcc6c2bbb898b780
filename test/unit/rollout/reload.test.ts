// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { EDGE_LIMITS } from "../../../config/schema.ts";
import type { Cluster } from "../../../kubernetes/port.ts";
import { PlainError } from "../../../lib/plainError.ts";
import { configTag, tagOf } from "../../../nats/configTag.ts";
import { edgeConf, primaryConf } from "../../../nats/natsConf.ts";
import { passwordsIn } from "../../../nats/readInclude.ts";
import { assertReloaded } from "../../../rollout/reload.ts";
import { deployedCluster, emptyCluster, place, pods } from "../../harness/fakeClusters.ts";
import { mockEngine } from "../../harness/mocks.ts";

const REJECTED = "[1] [ERR] Failed to reload server configuration: config reload not supported for ClientAdvertise";
const RELOADED = "[1] [INF] Reloaded server configuration";

describe("a configuration that servers were given", () => {
  before(() => mockEngine("edge-1"));

  /** Pods with the tags that each look finds and what it has logged, and what of that since then; an Error is thrown. */
  function running(
    servers: Record<string, { tags: (string[] | Error)[]; log?: string; fresh?: string; running?: boolean }>,
  ) {
    const cluster: Cluster = {
      ...deployedCluster,
      serverPods: async () =>
        pods(...Object.keys(servers)).map((pod) => ({ ...pod, running: servers[pod.name]?.running ?? true })),
      async serverTags(_, pod) {
        const { tags = [] } = servers[pod] ?? {};
        const next = (tags.length > 1 ? tags.shift() : tags[0]) ?? assert.fail(pod);
        if (next instanceof Error) throw next;
        return next;
      },
      async serverLog(_, pod, since) {
        const { log = "", fresh } = servers[pod] ?? {};
        return since > 0 && fresh !== undefined ? fresh : log;
      },
    };
    return place(cluster);
  }
  const check = (at: ReturnType<typeof running>, seconds = 5, since = Date.now(), believed = 0) =>
    assertReloaded(at, "conf:new", since, { seconds, pause: 0, believed });
  const old = { tags: [["conf:old"]] };

  it("is waited for until all run it", () =>
    check(
      running({ "nats-0": { tags: [["conf:new"]] }, "nats-1": { tags: [["conf:old"], ["x"], ["y", "conf:new"]] } }),
    ));

  it("and that one rejects: an error with the server's own words", async () => {
    const at = running({ "nats-0": { tags: [["conf:new"]] }, "nats-1": { ...old, log: REJECTED } });
    await assert.rejects(check(at), {
      message:
        /^server nats-1 in namespace events: .*; came by its log: config reload not supported for ClientAdvertise; .*next: undo the change; or, .*rollout restart.*; then pulumi up -s edge-1$/,
    });
  });

  it("and that one's log alone rejects: that is not believed while it takes the configuration up", async () => {
    const forged = running({ "nats-0": { tags: [["conf:old"], ["conf:old"], ["conf:new"]], log: REJECTED } });
    await check(forged, 5, Date.now(), 2);
  });

  it("is not held against what a link says that reads like a rejection", async () => {
    const said = `[7] 2026/11/30 22:46:04.123456 [ERR] 10.0.0.9:4222 - lid:9 - Leafnode Error '${REJECTED}'`;
    await assert.rejects(check(running({ "nats-0": { ...old, log: said } }), 0), /came nothing within 0 s/);
    const own = `[7] 2026/11/30 22:46:04.123456 ${REJECTED.replace("[1] ", "")}`;
    await assert.rejects(
      check(running({ "nats-0": { ...old, log: `${said}\n${own}` } }), 0),
      /came by its log: config/,
    );
  });

  it("and that one does not take up in time: an error that says where to look", async () => {
    await assert.rejects(check(running({ "nats-0": { ...old, log: RELOADED } }), 0), {
      message: /^server nats-0 in namespace events: .*; came nothing within 0 s .*-c reloader/,
    });
  });

  it("is not held against a rejection of before, unless nothing has come of it for long", async () => {
    await check(running({ "nats-0": { tags: [["conf:old"], ["conf:new"]], log: REJECTED, fresh: "" } }));
    const before = running({ "nats-0": { ...old, log: REJECTED, fresh: "" } });
    await assert.rejects(check(before, 5, Date.now() - 160_000), /not supported/);
  });

  it("passes over a server that does not run, and over none that does and cannot be asked", async () => {
    const silent = { tags: [new Error("port-forward to nats-0: no answer")] };
    await check(running({ "nats-0": { ...silent, running: false } }));
    await assert.rejects(check(running({ "nats-0": silent }), 0), /came port-forward to nats-0: no answer/);
  });

  it("cannot be asked for, for want of rights: an error at once", async () => {
    const forbidden = new PlainError("create pods/portforward; came: forbidden");
    await assert.rejects(check(running({ "nats-0": { tags: [forbidden] } })), /portforward; came: forbidden/);
  });

  it("is run by nobody where the set of servers is gone: an error with the way to have it back", async () => {
    const record = { name: "r", status: "deployed", revision: 1, description: "", owner: undefined };
    const kept = { ...emptyCluster, helmRecords: async () => [record] };
    await assert.rejects(check(place(kept)), {
      message: /^StatefulSet nats in namespace events: .*; came none; next: pulumi up -s edge-1$/,
    });
  });

  it("is run by nobody where the release is gone with its servers: an error with the way to have it made", async () => {
    await assert.rejects(check(place(emptyCluster)), {
      message: /^StatefulSet nats .*; came none; next: pulumi refresh -s edge-1, then pulumi up -s edge-1$/,
    });
  });
});

describe("an include file", () => {
  const logins = { admin: { user: "admin", password: 'a"b' }, app: { user: "app", password: "pw\\app" } };
  const leaf = { user: "edge-1", nkey: "UPUBLIC", publish: ["a.>"], receive: [], stored: false };
  const naming = {
    names: { edge: "edge-1", accepted: [], publish: [], receive: [] },
    watch: { user: "watch", password: "pw-watch" },
  };
  const edge = edgeConf(logins, { urls: ["tls://h:1"], seed: "SU", ca: "" }, false, naming);

  it("tags the servers that run it with what it says", () => {
    const [text, tag = ""] = edge.split(/^server_tags: (.*)$/m);
    assert.equal(tag, `["${configTag(text ?? "")}"]`);
    assert.equal(tagOf(edge), configTag(text ?? ""));
    assert.notEqual(tagOf(edge), tagOf(edgeConf(logins, { urls: ["tls://h:2"], seed: "SU", ca: "" }, false, naming)));
  });

  it("gives its passwords back, by user", () => {
    const controller = { user: "controller", password: "pw-controller" };
    const primary = primaryConf(logins, [leaf], EDGE_LIMITS, { controller });
    assert.match(tagOf(primary), /^conf:/);
    assert.deepEqual(passwordsIn(primary), {
      ...{ admin: 'a"b', app: "pw\\app", controller: "pw-controller" },
    });
    assert.deepEqual(passwordsIn(edge), { admin: 'a"b', app: "pw\\app", watch: "pw-watch" });
  });
});
