// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { LEAF_PORT } from "../../../config/defaults.ts";
import { edgeNkey } from "../../../nats/nkeys.ts";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { type Kubectl, leafs, until } from "../../../sandbox/kubectl.ts";
import { arrives, cross } from "../../harness/clusters/traffic.ts";
import { EVENT, podIdentities, secretOf, UP, type World, world } from "../../harness/clusters/world.ts";
import { RawLeaf } from "../../harness/processes/rawLeaf.ts";

describe("edges come and go by the primary's list", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary");
    await w.ensure("edge-1");
  });

  it("one that is not listed is told the key and both commands, and nothing is made", async () => {
    await w.configure("edge-2");
    const { failed, text } = await w.pulumi("edge-2", ...UP);
    assert.ok(failed, text);
    assert.match(text, /ops-nats:edges of stack primary: expected edge-2 among them; came \["edge-1"\]/);
    assert.match(
      text,
      /pulumi config set --path 'ops-nats:edges\[1\]' edge-2 -s primary && pulumi up -s primary, then pulumi up -s edge-2/,
    );
    assert.equal(await w.kubectl["edge-2"].run(["get", "secret", "-o", "name"]), "");
  });

  it("one that is added connects; no pod of the primary restarts; its events arrive, the first edge's still do", async () => {
    const { primary, "edge-1": one, "edge-2": two } = w.kubectl;
    const pods = await podIdentities(primary);
    const start = new Date().toISOString();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
    for (const at of await wakings(primary))
      assert.ok(at > start, "each pod was touched, for the kubelet to look at once");
    await w.ensure("edge-2");
    await until(
      "two links at the primary",
      () => leafs(primary),
      (all) => all.length === 2,
      30,
    );
    assert.deepEqual(await podIdentities(primary), pods);
    assert.deepEqual(await cross(two, primary, EVENT("edge-2"), ["from two"], { filter: "ops.>" }), ["from two"]);
    assert.deepEqual(await cross(one, primary, EVENT("edge-1"), ["from one"], { filter: "ops.>" }), ["from one"]);
    const control = { from: two, subject: EVENT("edge-2") };
    assert.equal(await arrives(two, primary, EVENT("edge-1"), control), false);
    assert.equal(await arrives(two, primary, EVENT("edge-2"), control), true);
  });

  it("one's login, in the hands of an attacker, evicts no other and hears nothing of it; without one nobody gets in", async () => {
    const { primary, "edge-2": two } = w.kubectl;
    const login = edgeNkey((await secretOf(primary))["root-key"] ?? assert.fail(), "edge-1");
    const { address } = layoutOf("primary");
    const ports = async () =>
      (await leafs(primary)).filter(({ account }) => account === "EDGE-edge-2").map(({ port }) => port);
    const before = await ports();
    assert.equal(before.length, 1);
    const claims = { cluster: "edge-2", domain: "edge-2", remote_account: "APP" };
    const attackers: RawLeaf[] = [];
    for (let i = 0; i < 5; i++) {
      const leaf = await RawLeaf.connect(LEAF_PORT, "edge-2.nats-0", login, claims, address);
      assert.equal(await leaf.accepted(), true, leaf.errors.join());
      attackers.push(leaf);
    }
    assert.deepEqual(await cross(two, primary, EVENT("edge-2"), ["unheard"], { filter: "ops.>" }), ["unheard"]);
    assert.deepEqual(await ports(), before);
    for (const leaf of attackers) {
      assert.deepEqual(
        leaf.received.filter(([, payload]) => payload.includes("unheard")),
        [],
      );
      assert.ok(!leaf.interest.some((subject) => subject.includes("edge-2")), leaf.interest.join());
      leaf.close();
    }
    const nobody = await RawLeaf.connect(LEAF_PORT, "edge-2.nats-0", undefined, claims, address);
    assert.equal(await nobody.accepted(), false);
  });

  /** When each server pod was last told of a changed Secret; empty text where never. */
  async function wakings(kubectl: Kubectl): Promise<string[]> {
    const path = "jsonpath={range .items[*]}{.metadata.annotations.ops-nats/secret-changed-at}{'\\n'}{end}";
    const text = await kubectl.run(["get", "pod", "-l", "app.kubernetes.io/component=nats", "-o", path]);
    const lines = `${text}\n`.split("\n").slice(0, 3);
    assert.equal(lines.length, 3);
    return lines;
  }

  it("one that is removed keeps its live link, and is refused at its next connect", async () => {
    const { primary, "edge-2": two } = w.kubectl;
    const pods = await podIdentities(primary);
    await w.ensure("primary", { edges: ["edge-1"] });
    const logs = () => two.run(["logs", "nats-0", "-c", "nats", "--tail", "50"]);
    await two.run(["delete", "pod", "nats-0", "--wait=true"]);
    await until("the edge's refusal", logs, (text) => /authorization violation/i.test(text), 150);
    await until(
      "one link at the primary",
      () => leafs(primary),
      (all) => all.length === 1,
    );
    assert.deepEqual(await podIdentities(primary), pods);
  });
});
