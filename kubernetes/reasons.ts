// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { V1PersistentVolumeClaim, V1ReplicaSet, V1Service, V1StatefulSet } from "@kubernetes/client-node";
import { longer, oneLine, podReasons, type Reason } from "./podReasons.ts";
import { newestEvent, type Snapshot } from "./snapshot.ts";

/** Why a workload is not ready; empty where it is, or where nothing has lasted long enough to be a reason. */
export function reasons(snapshot: Snapshot, now = Date.now()): Reason[] {
  const claims = snapshot.claims.flatMap((claim) => claimReasons(snapshot, claim, now));
  const blocked = new Set(claims.flatMap(({ pods }) => pods));
  const pods = snapshot.pods.filter(({ metadata }) => !blocked.has(metadata?.name ?? ""));
  return [
    ...snapshot.statefulSets.flatMap((set) => creationReasons(snapshot, "StatefulSet", set)),
    ...snapshot.replicaSets.flatMap((set) => creationReasons(snapshot, "ReplicaSet", set)),
    ...claims,
    ...pods.flatMap((pod) => podReasons(snapshot, pod, now)),
    ...snapshot.services.flatMap((service) => serviceReasons(snapshot, service, now)),
  ];
}

/** Pods that may not even be created: a quota, a policy. Only the controller's events tell of them. */
function creationReasons(snapshot: Snapshot, kind: string, set: V1StatefulSet | V1ReplicaSet): Reason[] {
  const { name = "" } = set.metadata ?? {};
  if ((set.status?.replicas ?? 0) >= (set.spec?.replicas ?? 1)) return [];
  const event = newestEvent(snapshot, set, ({ reason }) => reason === "FailedCreate");
  if (!event) return [];
  const said = oneLine(event.message);
  const text = `${kind} ${name}: its pods cannot be created: ${said}. Fix: ${creationFix(snapshot.namespace, `${kind} ${name}`, said)}`;
  return [{ key: `${kind} ${name} creation`, text }];
}

const AMOUNTS = "set requests and limits: ops-nats:resources for servers, ops-nats:values for what is beside them";

function creationFix(namespace: string, set: string, said: string): string {
  if (/exceeded quota|must specify/.test(said)) {
    return `kubectl -n ${namespace} describe resourcequota; raise it, or ${AMOUNTS}`;
  }
  if (/exceed|LimitRange|(minimum|maximum) .* usage per/.test(said)) {
    return `kubectl -n ${namespace} describe limitrange; ${AMOUNTS}`;
  }
  if (/violates PodSecurity/.test(said)) {
    const label = `kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=baseline --overwrite`;
    return `${label}, or set what is missing in ops-nats:values (podTemplate.merge, container.merge)`;
  }
  if (/denied the request|ValidatingAdmissionPolicy|failed calling webhook|admission webhook/.test(said)) {
    return `ask whoever made that policy for an exception in namespace ${namespace}, or set what it asks for in ops-nats:values`;
  }
  return `kubectl -n ${namespace} describe ${set.replace(" ", "/").toLowerCase()}`;
}

/** What is said of a claim while somebody works on it, and what is no trouble at first. */
const AT_WORK = /^(ExternalProvisioning|Provisioning)$/;
const FAILED = /^(ProvisioningFailed|FailedBinding|ExternalProvisioning|Provisioning|VolumeMismatch|ClaimLost)$/;

function claimReasons(
  snapshot: Snapshot,
  claim: V1PersistentVolumeClaim,
  now: number,
): (Reason & { pods: string[] })[] {
  const { name = "", creationTimestamp, deletionTimestamp } = claim.metadata ?? {};
  if (claim.status?.phase === "Bound" || deletionTimestamp) return [];
  const event = newestEvent(snapshot, claim, ({ reason }) => FAILED.test(reason ?? ""));
  if (!event || (AT_WORK.test(event.reason ?? "") && !longer(creationTimestamp, now))) return [];
  const mounts = snapshot.pods.filter(({ spec }) =>
    spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === name),
  );
  const pods = mounts.map(({ metadata }) => metadata?.name ?? "");
  const of = pods.length === 0 ? "" : `pod ${pods.join(", ")} waits for its volume: `;
  const { namespace } = snapshot;
  const missing = /storageclass\S* .* not found|no storage class is set/i.test(event.message ?? "");
  const wanted = "set ops-nats:persistence.storageClass to one of them";
  const again = `a claim keeps its class, so delete the one that was never bound: kubectl -n ${namespace} delete pvc ${name}`;
  const fix = missing
    ? `kubectl get storageclass; ${wanted}; ${again}`
    : `kubectl -n ${namespace} describe pvc ${name}; kubectl get storageclass`;
  const text = `${of}claim ${name}: ${event.reason}: ${oneLine(event.message)}. Fix: ${fix}`;
  return [{ key: `claim ${name}`, text, pods }];
}

/** Helm waits for the address of a load balancer, too; `values` can ask for one. */
function serviceReasons(snapshot: Snapshot, service: V1Service, now: number): Reason[] {
  const { name = "", creationTimestamp } = service.metadata ?? {};
  if (service.spec?.type !== "LoadBalancer" || service.status?.loadBalancer?.ingress?.length) return [];
  if (!longer(creationTimestamp, now)) return [];
  const event = newestEvent(snapshot, service, ({ type }) => type === "Warning");
  const said = event ? `: ${oneLine(event.message)}` : "";
  const fix = `kubectl -n ${snapshot.namespace} describe service ${name}, or another type in ops-nats:values.service`;
  return [{ key: `service ${name}`, text: `Service ${name}: its load balancer has no address${said}. Fix: ${fix}` }];
}
