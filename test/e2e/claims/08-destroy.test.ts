// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { leafs, until } from "../../../sandbox/kubectl.ts";
import { siteOf } from "../clusterSite.ts";
import { UP, type World, world } from "../world.ts";

describe("pulumi destroy", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary");
    await w.ensure("edge-1");
  });

  it("removes all that it made and nothing else: an ops-system with other things in it survives", async () => {
    const edge = w.kubectl["edge-1"];
    await edge.run(["create", "configmap", "of-ops", "--from-literal=mine=yes"]);
    const uid = async () =>
      (await edge.json<{ metadata: { uid: string } }>(["get", "namespace", "ops-system"])).metadata.uid;
    const before = await uid();
    await w.destroy("edge-1");
    assert.equal(await uid(), before);
    // pods drain; Helm does not wait for them
    const left = () => edge.run(["get", "all,configmap,secret,pdb,pvc", "-o", "name"]);
    const ours = (text: string) => text.split("\n").filter((name) => name !== "configmap/kube-root-ca.crt");
    await until("the pods to be gone", left, (text) => JSON.stringify(ours(text)) === '["configmap/of-ops"]', 90);
    const state = JSON.parse((await w.pulumi("edge-1", "stack", "export")).text) as {
      deployment: { resources?: object[] };
    };
    assert.deepEqual(state.deployment.resources ?? [], []);
  });

  it("comes back on the next up, in the namespace that was there", async () => {
    await w.ensure("edge-1");
    assert.match(
      await w.kubectl["edge-1"].run(["get", "pod,configmap", "-o", "name"]),
      /pod\/nats-0[\s\S]*configmap\/of-ops/,
    );
  });

  it("and an up right after it waits for servers that still drain, and says so", async () => {
    const { primary } = w.kubectl;
    await until(
      "a link: the server that has it drains for ten seconds at least",
      () => leafs(primary),
      (found) => found.length > 0,
    );
    // a destroy and the start of an `up` may take longer; after ten seconds clients are sent away one by one
    const site = await siteOf(w, [], false);
    const clients = await Promise.all(Array.from({ length: 60 }, () => site.connect("primary")));
    try {
      await w.destroy("primary");
      assert.match(await primary.run(["get", "pod", "-o", "name"]), /nats-\d/);
      const { failed, text } = await w.pulumi("primary", ...UP);
      assert.ok(!failed, text);
      assert.match(text, /waiting for the servers of the former release to drain: nats-\d/);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });
});
