// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { podIdentities, UP, type World, world } from "../world.ts";

/** What an operator may do, all in the one namespace; nothing in others, nor with what belongs to none. */
const RULES = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "create", "update", "patch", "delete"] },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "create", "update", "patch", "delete"] },
  { apiGroups: [""], resources: ["services"], verbs: ["get", "list", "watch", "create", "update", "patch", "delete"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch", "patch"] },
  { apiGroups: [""], resources: ["pods/portforward"], verbs: ["create", "get"] },
  { apiGroups: [""], resources: ["pods/log", "events", "persistentvolumeclaims"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["get", "list", "watch", "create", "update", "patch"] },
  {
    apiGroups: ["apps"],
    resources: ["deployments", "replicasets"],
    verbs: ["get", "list", "watch", "create", "patch"],
  },
  // what a controller that keeps streams takes turns by; whoever grants a right has to have it
  { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get", "list", "watch", "create", "patch", "delete"] },
  {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["roles", "rolebindings"],
    verbs: ["get", "create", "patch", "delete"],
  },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update", "patch", "delete"] },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: ["get", "list", "create", "patch"] },
];
type Rule = (typeof RULES)[number];

describe("an operator with rights in the one namespace alone", () => {
  let w: World;
  let kubeconfig = "";
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
    await w.ensure("edge-1");
    await granted(RULES);
    const token = await w.kubectl["edge-1"].run(["create", "token", "operator", "--duration=1h"]);
    const own = parse(await readFile(layoutOf("edge-1").kubeconfig, "utf8")) as { users: { user: object }[] };
    for (const entry of own.users) entry.user = { token: token.trim() };
    kubeconfig = stringify(own);
  });
  after("take the account away", () =>
    w.kubectl["edge-1"].run(["delete", "serviceaccount/operator", "role/operator", "rolebinding/operator"]),
  );

  async function granted(rules: readonly Rule[]): Promise<void> {
    const group = "rbac.authorization.k8s.io";
    const metadata = { name: "operator" };
    await w.kubectl["edge-1"].apply("ops-system", [
      { kind: "ServiceAccount", metadata },
      { apiVersion: `${group}/v1`, kind: "Role", metadata, rules },
      {
        apiVersion: `${group}/v1`,
        kind: "RoleBinding",
        metadata,
        roleRef: { apiGroup: group, kind: "Role", name: "operator" },
        subjects: [{ kind: "ServiceAccount", name: "operator", namespace: "ops-system" }],
      },
    ]);
  }

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

  it("and with all rights again, all is as it was", async () => {
    await w.ensure("edge-1");
    const { failed, text } = await w.pulumi("edge-1", "preview", "--expect-no-changes");
    assert.ok(!failed, text);
  });
});
