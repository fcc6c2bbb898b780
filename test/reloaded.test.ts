// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { edgeConf, passwordsIn, primaryConf, tagOf } from "../components/natsConf.ts";
import type { Cluster } from "../components/release.ts";
import { assertReloaded, configTag } from "../components/reload.ts";
import { emptyCluster, place } from "./fakeClusters.ts";
import { mockEngine } from "./mocks.ts";

const REJECTED = "[1] [ERR] Failed to reload server configuration: config reload not supported for ClientAdvertise";
const RELOADED = "[1] [INF] Reloaded server configuration";

describe("a configuration that servers were given", () => {
  before(() => mockEngine("edge-1"));

  /** Pods with the tags that each look finds and what it has logged; an Error is thrown. */
  function running(pods: Record<string, { tags: (string[] | Error)[]; log?: string | Error; fresh?: string }>) {
    const cluster: Cluster = {
      ...emptyCluster,
      serverPods: async () => Object.keys(pods),
      async serverTags(_, pod) {
        const { tags = [] } = pods[pod] ?? {};
        const next = (tags.length > 1 ? tags.shift() : tags[0]) ?? assert.fail(pod);
        if (next instanceof Error) throw next;
        return next;
      },
      async serverLog(_, pod, since) {
        const { log = "", fresh } = pods[pod] ?? {};
        if (log instanceof Error) throw log;
        return since > 0 && fresh !== undefined ? fresh : log;
      },
    };
    return place(cluster);
  }
  const check = (at: ReturnType<typeof running>, seconds = 5) =>
    assertReloaded(at, "conf:new", Date.now(), { seconds, pause: 0 });

  it("is waited for until all run it", () =>
    check(
      running({ "nats-0": { tags: [["conf:new"]] }, "nats-1": { tags: [["conf:old"], ["x"], ["y", "conf:new"]] } }),
    ));

  it("and that one rejects: an error with the server's own words", async () => {
    const at = running({ "nats-0": { tags: [["conf:new"]] }, "nats-1": { tags: [["conf:old"]], log: REJECTED } });
    await assert.rejects(check(at), {
      message:
        /^server nats-1 in namespace events: .*; came config reload not supported for ClientAdvertise; .*next: undo the change; or, .*rollout restart.*; then pulumi up -s edge-1$/,
    });
  });

  it("and that one does not take up in time: an error that says where to look", async () => {
    await assert.rejects(check(running({ "nats-0": { tags: [["conf:old"]], log: RELOADED } }), 0), {
      message: /^server nats-0 in namespace events: .*; came nothing within 0 s .*-c reloader/,
    });
  });

  it("is not held against a rejection of long ago, when it is taken up", () =>
    check(running({ "nats-0": { tags: [["conf:old"], ["conf:new"]], log: REJECTED, fresh: "" } })));

  it("passes over a pod whose server does not run, but not over one whose log tells of a rejection", async () => {
    const down = new Error("connect ECONNREFUSED");
    await check(running({ "nats-0": { tags: [down], log: down }, "nats-1": { tags: [down], log: RELOADED } }));
    await assert.rejects(check(running({ "nats-0": { tags: [down], log: REJECTED } })), /not supported/);
  });

  it("cannot be asked for, for want of rights: an error", async () => {
    const forbidden = new Error("get pods/nats-0/log; came: forbidden");
    await assert.rejects(check(running({ "nats-0": { tags: [forbidden], log: forbidden } })), /forbidden/);
  });
});

describe("an include file", () => {
  const logins = { admin: { user: "admin", password: 'a"b' }, app: { user: "app", password: "pw\\app" } };
  const leaf = { user: "edge-1", password: "2leaf", publish: ["a.>"], receive: [], stored: false };
  const naming = {
    names: { edge: "edge-1", accepted: [], publish: [], receive: [] },
    watch: { user: "watch", password: "pw-watch" },
  };
  const edge = edgeConf(logins, { urls: ["nats-leaf://h:1"], user: "edge-1", password: "2leaf" }, false, naming);

  it("tags the servers that run it with what it says", () => {
    const [text, tag = ""] = edge.split(/^server_tags: (.*)$/m);
    assert.equal(tag, `["${configTag(text ?? "")}"]`);
    assert.equal(tagOf(edge), configTag(text ?? ""));
    assert.notEqual(
      tagOf(edge),
      tagOf(edgeConf(logins, { urls: ["nats-leaf://h:2"], user: "e", password: "p" }, false, naming)),
    );
  });

  it("gives its passwords back, by user", () => {
    const keeper = { user: "keeper", password: "pw-keeper" };
    const primary = primaryConf(logins, [leaf], { keeper });
    assert.match(tagOf(primary), /^conf:/);
    assert.deepEqual(passwordsIn(primary), {
      ...{ admin: 'a"b', app: "pw\\app", keeper: "pw-keeper" },
      "edge-1": "2leaf",
    });
    assert.deepEqual(passwordsIn(edge), { admin: 'a"b', app: "pw\\app", watch: "pw-watch" });
  });
});
