// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { containersOf, crashOf, eventTime, GRACE, newestEvent, type Snapshot } from "./snapshot.ts";

/** One thing that keeps a workload from being ready. */
export interface Reason {
  /** The same for as long as it is the same trouble, whatever words Kubernetes has for it at the moment. */
  readonly key: string;
  /** One line: which pod, what Kubernetes says, what to do. */
  readonly text: string;
}

const IMAGE =
  /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|ImageInspectError)$/;
const NOT_STARTED =
  /^(CreateContainerConfigError|CreateContainerError|RunContainerError|PreCreateHookError|PostStartHookError)$/;
const LONGEST = 400;

/** One line, not too long, of what a program or Kubernetes wrote; a full stop follows it anyway. */
export function oneLine(text: string | undefined): string {
  const line = (text ?? "")
    .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .trim()
    .replace(/(?<!\.)\.$/, "");
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** What a line of a log says: of JSON its message. */
function messageIn(line: string | undefined): string | undefined {
  if (!line?.startsWith("{")) return line;
  try {
    const { message } = JSON.parse(line) as { message?: unknown };
    return typeof message === "string" ? message : line;
  } catch {
    return line; // it only looked so
  }
}

/** What keeps one pod from being ready; what is a matter of its claims is theirs to say. */
export function podReasons(snapshot: Snapshot, pod: V1Pod, now: number): Reason[] {
  const { name = "", deletionTimestamp, creationTimestamp, annotations } = pod.metadata ?? {};
  const describe = `kubectl -n ${snapshot.namespace} describe pod ${name}`;
  const reason = (kind: string, text: string, fix: string): Reason => ({
    key: `${name} ${kind}`,
    text: `pod ${name}: ${text}. Fix: ${fix}`,
  });
  const { phase, conditions = [] } = pod.status ?? {};
  if (annotations?.["helm.sh/hook"] || phase === "Succeeded") return [];
  if (deletionTimestamp) {
    if (!longer(deletionTimestamp, now)) return []; // it is the moment until which the pod may take
    const node = pod.spec?.nodeName ?? "";
    const gone = `where the node is gone for good: kubectl -n ${snapshot.namespace} delete pod ${name} --force`;
    return [reason("terminating", `is still terminating on node ${node}`, `kubectl get node ${node}; ${gone}`)];
  }
  if (phase === "Failed") {
    const { reason: why = "failed", message } = pod.status ?? {};
    return [reason("failed", [why, oneLine(message)].filter(Boolean).join(": "), describe)];
  }
  const scheduled = conditions.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") {
    const said = oneLine(scheduled.message);
    return [reason("scheduling", `cannot be scheduled: ${said}`, schedulingFix(said, describe))];
  }
  if (phase === "Pending" && !scheduled && longer(creationTimestamp, now)) {
    return [reason("scheduling", "no scheduler has taken it", "kubectl -n kube-system get pods; kubectl get nodes")];
  }
  return containersOf(pod).flatMap((status) => containerReasons(snapshot, pod, status, now));
}

function schedulingFix(said: string, describe: string): string {
  const spread = "values.podTemplate.topologySpreadConstraints";
  const nodes = "kubectl get nodes; kubectl uncordon <node>, or add nodes";
  if (/topology spread/.test(said)) return `${nodes}, or set ops-nats:${spread} or fewer ops-nats:replicas`;
  if (/unschedulable|untolerated taint/.test(said)) {
    return `${nodes}, or set ops-nats:values.podTemplate.merge.spec.tolerations`;
  }
  if (/Insufficient|Too many pods/.test(said)) return "kubectl describe nodes; add nodes or free some of them";
  if (/affinity|selector/.test(said)) return `kubectl get nodes --show-labels; ${describe}`;
  return describe;
}

function containerReasons(snapshot: Snapshot, pod: V1Pod, status: V1ContainerStatus, now: number): Reason[] {
  const { namespace, logs } = snapshot;
  const [name, container] = [pod.metadata?.name ?? "", status.name];
  const reason = (kind: string, text: string, fix: string): Reason[] => [
    { key: `${name}/${container} ${kind}`, text: `pod ${name}, container ${container}: ${text}. Fix: ${fix}` },
  ];
  const describe = `kubectl -n ${namespace} describe pod ${name}`;
  const lines = (logs[`${name}/${container}`] ?? "").split("\n").filter((line) => line.trim() !== "");
  const said = oneLine(messageIn(lines.at(-1)));
  const log = said === "" ? "" : `; its last log line: ${said}`;
  const { waiting, running } = status.state ?? {};
  const why = waiting?.reason ?? "";

  if (IMAGE.test(why)) {
    const image = imageOf(pod, status);
    const pulled = newestEvent(
      snapshot,
      pod,
      (e) => e.reason === "Failed" && Boolean(e.message?.includes(`"${image}"`)),
    );
    const words = oneLine(pulled?.message ?? waiting?.message) || why;
    const fix = `set ops-nats:images (registry, repository, tag) to an image that exists, and images.pullSecrets where the registry asks for a login; ${describe}`;
    return reason("image", `image ${image} cannot be pulled (${why}): ${words}`, fix);
  }
  if (NOT_STARTED.test(why)) return reason("start", `${why}: ${oneLine(waiting?.message)}`, describe);

  const crash = crashOf(status);
  if (crash) {
    const previous = status.state?.terminated ? "" : " --previous";
    const setting = container === "nats" ? "ops-nats:resources.limits.memory" : "its memory limit in ops-nats:values";
    const fix =
      crash.reason === "OOMKilled" && container !== "controller"
        ? `raise ${setting}`
        : `kubectl -n ${namespace} logs ${name} -c ${container}${previous}`;
    const words = oneLine(crash.message);
    const ended = `${crash.reason ?? "Error"}, exit code ${crash.exitCode}${words ? ` (${words})` : ""}`;
    const times = `${status.restartCount} restart${status.restartCount === 1 ? "" : "s"}`;
    return reason("crash", `${why || "ended"}: ${ended}, ${times}${log}`, fix);
  }
  if (waiting) {
    if (!longer(pod.metadata?.creationTimestamp, now)) return [];
    const image = imageOf(pod, status);
    const last = newestEvent(snapshot, pod, ({ message }) => Boolean(message?.includes(`"${image}"`)));
    if (last?.reason === "Pulling" && longer(new Date(eventTime(last)), now)) {
      const since = Math.round((now - eventTime(last)) / 1000);
      return reason(
        "pulling",
        `still pulls image ${image}, for ${since} s`,
        `see that the node reaches the registry, or set ops-nats:images; ${describe}`,
      );
    }
    const warning = newestEvent(snapshot, pod, ({ type }) => type === "Warning");
    if (!warning) return [];
    return reason("start", `${why}: ${warning.reason}: ${oneLine(warning.message)}`, describe);
  }
  if (running && !status.ready && longer(running.startedAt, now)) {
    const field = `{${container}}`;
    const probe = newestEvent(
      snapshot,
      pod,
      (e) => e.reason === "Unhealthy" && Boolean(e.involvedObject.fieldPath?.endsWith(field)),
    );
    const failed = probe ? `: ${oneLine(probe.message)}` : "";
    return reason(
      "ready",
      `runs but is not ready${failed}${log}`,
      `kubectl -n ${namespace} logs ${name} -c ${container}`,
    );
  }
  return [];
}

/** As it was asked for: the status of an image that was never pulled may be empty. */
function imageOf(pod: V1Pod, status: V1ContainerStatus): string {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return all.find(({ name }) => name === status.name)?.image ?? status.image;
}

/** Whether something has lasted longer than a healthy pod takes. */
export const longer = (since: Date | undefined, now: number): boolean =>
  since !== undefined && now - new Date(since).getTime() > GRACE * 1000;
