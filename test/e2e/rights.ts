// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import type { Kubectl } from "../../sandbox/kubectl.ts";

/** What an operator may do, all in the one namespace; nothing in others, nor with what belongs to none. */
export const RULES = [
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
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
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
export type Rule = (typeof RULES)[number];

const GROUP = "rbac.authorization.k8s.io";

/** Lets the operator do this and no more. */
export async function granted(kubectl: Kubectl, rules: readonly Rule[]): Promise<void> {
  const metadata = { name: "operator" };
  await kubectl.apply("ops-system", [
    { kind: "ServiceAccount", metadata },
    { apiVersion: `${GROUP}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${GROUP}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: GROUP, kind: "Role", name: "operator" },
      subjects: [{ kind: "ServiceAccount", name: "operator", namespace: "ops-system" }],
    },
  ]);
}

/**
 * Makes an account that may do what {@link RULES} says.
 * @param kubeconfig the file of who may do all
 * @returns the text of its own
 */
export async function operator(kubectl: Kubectl, kubeconfig: string): Promise<string> {
  await granted(kubectl, RULES);
  const token = await kubectl.run(["create", "token", "operator", "--duration=1h"]);
  const own = parse(await readFile(kubeconfig, "utf8")) as { users: { user: object }[] };
  for (const entry of own.users) entry.user = { token: token.trim() };
  return stringify(own);
}

export const dismissed = (kubectl: Kubectl): Promise<string> =>
  kubectl.run(["delete", "serviceaccount/operator", "role/operator", "rolebinding/operator"]);
