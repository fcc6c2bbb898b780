// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import {
  dismissed,
  granted as grantedAt,
  operator,
  ownNamespace,
  RULES,
  type Rule,
} from "../../harness/clusters/rights.ts";
import { podIdentities, UP, type World, world } from "../../harness/clusters/world.ts";

describe("an operator with rights in the one namespace alone", () => {
  let w: World;
  let kubeconfig = "";
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
    await w.ensure("edge-1");
    kubeconfig = await operator(w.kubectl["edge-1"], layoutOf("edge-1").kubeconfig);
  });
  after("take the account away", () => dismissed(w.kubectl["edge-1"]));
  const granted = (rules: readonly Rule[]) => grantedAt(w.kubectl["edge-1"], rules);

  it("sees that nothing has changed: the cluster is known by its CA", async () => {
    await w.configure("edge-1", { "kubernetes:kubeconfig": kubeconfig });
    const { failed, text } = await w.pulumi("edge-1", "preview");
    assert.ok(!failed, text);
    assert.match(text, /providers:kubernetes +cluster +update/); // by another kubeconfig
    assert.match(text, /Resources:\s+~ 1 to update\s+\d+ unchanged\s*$/);
  });

  it("changes a stack that runs", async () => {
    await w.configure("edge-1", { "kubernetes:kubeconfig": kubeconfig, acceptClusterNames: ["another"] });
    const { failed, text } = await w.pulumi("edge-1", ...UP);
    assert.ok(!failed, text);
  });

  for (const [resource, verb, asked] of [
    ["secrets", "get", /expected an answer to get secrets\/ops-nats-auth in namespace ops-system; came: forbidden/],
    ["secrets", "list", /list secrets in namespace ops-system; came: forbidden/],
    ["statefulsets", "list", /list statefulsets in namespace ops-system; came: forbidden/],
    ["persistentvolumeclaims", "list", /list persistentvolumeclaims in namespace ops-system; came: forbidden/],
  ] as const) {
    it(`who may not ${verb} ${resource} is told so before anything is written`, async () => {
      const without = (rule: Rule): Rule[] => {
        if (!rule.resources.includes(resource)) return [rule];
        const others = rule.resources.filter((name) => name !== resource);
        const left = { ...rule, resources: [resource], verbs: rule.verbs.filter((name) => name !== verb) };
        return others.length === 0 ? [left] : [left, { ...rule, resources: others }];
      };
      await granted(RULES.flatMap(without));
      const state = async () => [
        await w.kubectl["edge-1"].run(["get", "secret/ops-nats-auth", "-o", "jsonpath={.metadata.resourceVersion}"]),
        await podIdentities(w.kubectl["edge-1"]),
      ];
      const before = await state();
      // a change that no check is to let through unseen
      await w.configure("edge-1", { "kubernetes:kubeconfig": kubeconfig, replicas: 3 });
      const { failed, text } = await w.pulumi("edge-1", ...UP);
      await granted(RULES);
      assert.ok(failed, text);
      assert.match(text, asked);
      assert.match(text, new RegExp(`next: have the right granted \\(kubectl auth can-i ${verb} ${resource}`));
      assert.deepEqual(await state(), before);
    });
  }

  it("destroys a stack and makes it anew, with the right to the namespace itself", async () => {
    await ownNamespace(w.kubectl["edge-1"]);
    await w.configure("edge-1", { "kubernetes:kubeconfig": kubeconfig });
    await w.destroy("edge-1");
    const { failed, text } = await w.pulumi("edge-1", ...UP);
    assert.ok(!failed, text);
  });

  it("and with all rights again, all is as it was", async () => {
    await w.ensure("edge-1");
    const { failed, text } = await w.pulumi("edge-1", "preview", "--expect-no-changes");
    assert.ok(!failed, text);
  });
});
