// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { until } from "../../../sandbox/kubectl.ts";
import { UP, type World, world } from "../../harness/clusters/world.ts";

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
    const kinds = "all,configmap,secret,pdb,pvc,serviceaccount,role,rolebinding,lease";
    const left = () => edge.run(["get", kinds, "-o", "name"]);
    const theCluster = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
    const ours = (text: string) => text.split("\n").filter((name) => !theCluster.includes(name));
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
    // how long a server drains depends on its clients and on the machine: this one's pod stays until `up` was seen to wait for it
    const hold = (finalizers: readonly string[]) =>
      primary.run(["patch", "pod", "nats-0", "--type=merge", "-p", JSON.stringify({ metadata: { finalizers } })]);
    const waits = /waiting for the servers of the former release to drain: .*nats-0/;
    await hold(["ops-nats.test/drains"]);
    try {
      await w.destroy("primary");
      assert.match(await primary.run(["get", "pod", "-o", "name"]), /nats-0/);
      const run = w.workspace.pulumi([...UP, "--non-interactive", "-s", "primary"], { reject: false });
      let said = "";
      run.all?.on("data", (text) => {
        said += text;
      });
      const seen = async () => waits.test(said) || run.exitCode !== null;
      await until("up to wait", seen, (done) => done, 120).catch((error: Error) =>
        assert.fail(`${error.message}\n${said}`),
      );
      await hold([]);
      const { failed } = await run;
      w.printed.push(said);
      assert.ok(!failed, said);
      assert.match(said, waits);
    } finally {
      await hold([]).catch(() => undefined); // where all went well, the new server's pod has none
    }
  });
});
