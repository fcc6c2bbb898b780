// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parse, stringify } from "yaml";
import type { Kubectl } from "../../../sandbox/kubectl.ts";

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** What the README has an operator be given in the one namespace; nothing in others, nor with what belongs to none. */
export const RULES = (
  parse(readFileSync(resolve(import.meta.dirname, "../../../docs/reference/operator-role.yaml"), "utf8")) as {
    readonly rules: readonly Rule[];
  }
).rules;

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

const OWN_NAMESPACE = { name: "operator-namespace" };

/** Lets it see and patch the namespace itself, too: what a stack that begins needs beside the Role. */
export const ownNamespace = (kubectl: Kubectl): Promise<void> =>
  kubectl.apply("ops-system", [
    {
      apiVersion: `${GROUP}/v1`,
      kind: "ClusterRole",
      metadata: OWN_NAMESPACE,
      rules: [{ apiGroups: [""], resources: ["namespaces"], resourceNames: ["ops-system"], verbs: ["get", "patch"] }],
    },
    {
      apiVersion: `${GROUP}/v1`,
      kind: "ClusterRoleBinding",
      metadata: OWN_NAMESPACE,
      roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: OWN_NAMESPACE.name },
      subjects: [{ kind: "ServiceAccount", name: "operator", namespace: "ops-system" }],
    },
  ]);

export const dismissed = (kubectl: Kubectl): Promise<string> =>
  kubectl.run([
    ...["delete", "--ignore-not-found", "serviceaccount/operator", "role/operator", "rolebinding/operator"],
    ...["clusterrole", "clusterrolebinding"].map((kind) => `${kind}/${OWN_NAMESPACE.name}`),
  ]);
