// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { V1Node, V1Taint } from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../kubernetes/port.ts";
import { isMap } from "../lib/merge.ts";
import { firstLine } from "../lib/plainError.ts";
import { at, serversIn, type Values } from "../nats/chartValues.ts";

/** The label by which servers are spread. */
export const HOSTNAME = "kubernetes.io/hostname";

/** What the values have for the pods of servers. */
interface PodRules {
  readonly nodeSelector: Readonly<Record<string, unknown>>;
  readonly tolerations: readonly Values[];
}

/** Whether a pod with these rules may be put on a node now; affinity, rarely set, is not looked at. */
export function schedulable({ metadata, spec, status }: V1Node, { nodeSelector, tolerations }: PodRules): boolean {
  const ready = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  const fits = Object.entries(nodeSelector).every(([key, value]) => metadata?.labels?.[key] === value);
  const open = (spec?.taints ?? []).every((taint) => harmless(taint) || tolerations.some((t) => tolerates(t, taint)));
  return ready === true && spec?.unschedulable !== true && fits && open;
}

const harmless = ({ effect }: V1Taint): boolean => effect !== "NoSchedule" && effect !== "NoExecute";

/** As the scheduler has it: a toleration without a key is for any, without an effect for all of them. */
const tolerates = ({ key, operator, value, effect }: Values, taint: V1Taint): boolean =>
  (key === undefined ? operator === "Exists" : key === taint.key) &&
  (operator === "Exists" || (value ?? "") === (taint.value ?? "")) &&
  (effect === undefined || effect === taint.effect);

/** Tells when servers that are to be on different nodes cannot be. A cluster that does not tell its nodes is no trouble. */
export async function warnFewNodes(cluster: Cluster, values: Values): Promise<void> {
  const { replicas } = serversIn(values);
  const constraint = at(at(values.podTemplate, "topologySpreadConstraints"), HOSTNAME);
  if (replicas < 2 || constraint.whenUnsatisfiable !== "DoNotSchedule") return;
  const spec = at(at(values.podTemplate, "merge"), "spec");
  const tolerations = Array.isArray(spec.tolerations) ? spec.tolerations.filter(isMap) : [];
  const rules = { nodeSelector: at(spec, "nodeSelector"), tolerations };
  try {
    const count = (await cluster.nodes()).filter((node) => schedulable(node, rules)).length;
    if (count < replicas) await pulumi.log.warn(fewNodes(replicas, count));
  } catch (error) {
    await pulumi.log.info(
      `how many nodes there are for ${replicas} servers is not known (${firstLine(error as Error)})`,
    );
  }
}

const fewNodes = (replicas: number, count: number): string =>
  `${replicas} servers, but ${count === 1 ? "one node is" : `${count} nodes are`} ready and open to them: ` +
  "servers that share a node fail together, and one that finds no place waits. " +
  `Fix: add nodes (kubectl get nodes), or set fewer ops-nats:replicas, or set ops-nats:values.podTemplate.topologySpreadConstraints ` +
  `(["${HOSTNAME}"].whenUnsatisfiable ScheduleAnyway says that this is meant)`;
