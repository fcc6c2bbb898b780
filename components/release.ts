// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { V1Node } from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import type { Claim } from "../settings.ts";
import { PlainError, printable } from "./plainError.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the chart calls its objects: the release, which has `nats` put behind it where it lacks it (facts: nats.md 13). */
export const fullName = (release: string): string => (release.includes("nats") ? release : `${release}-nats`);

/** Whose an object is: annotations of all that a stack makes. The id is the stack's own, its name may change. */
export const OWNER = "ops-nats/stack";
export const OWNER_ID = "ops-nats/id";
/** The edge's name, or `primary`: what streams are known by elsewhere. */
export const OWNER_EDGE = "ops-nats/edge";
export const OWNER_RELEASE = "ops-nats/release";

/** What is known of an object's owner; nothing of one that this program has not made. */
export interface Owner {
  /** 16 letters and digits. */
  readonly id: string | undefined;
  /** organization/project/stack, as it was when it was written. */
  readonly stack: string | undefined;
  readonly edge?: string | undefined;
  /** The Helm release beside it. */
  readonly release?: string | undefined;
}

/** A pod with a server. */
export interface ServerPod {
  readonly name: string;
  /** The server's process runs, ready or not. */
  readonly running: boolean;
  /** It is being ended, or will be once its set is gone: an orphan of a set stays. */
  readonly going: boolean;
}

/** A server, and those that it has routes to. */
export interface ServerRoutes {
  readonly id: string;
  /** `address`: IP and port of the other end. */
  readonly peers: readonly { readonly id: string; readonly address: string }[];
}

/** Of which kinds the objects are whose marks are looked at: all that the program makes by name, and the chart's set of servers. */
export type OwnedKind =
  | "Secret"
  | "ConfigMap"
  | "Deployment"
  | "Service"
  | "StatefulSet"
  | "ServiceAccount"
  | "Role"
  | "RoleBinding"
  | "Lease"
  | "Certificate";

/** What Helm keeps of one revision of a release, in a Secret. */
export interface HelmRecord {
  /** The Secret's name. */
  readonly name: string;
  /** Helm's word: deployed, failed, pending-install, ... (https://helm.sh/docs/helm/helm_status/). */
  readonly status: string;
  readonly revision: number;
  /** Free text of whoever installed it. */
  readonly description: string;
  /** Undefined: it was not installed by this program. */
  readonly owner: Owner | undefined;
}

/** How `helm history` describes a revision of ours. */
const DESCRIPTION = "installed by ops-nats";

/** The claim of a server's volume, as its StatefulSet asks for it; undefined where it has none. */
export type ClaimTemplate = Pick<Claim, "size"> & { readonly storageClass: string | undefined };

/** How many servers there are, and the claim of each; undefined where they have none. */
export interface Servers {
  readonly replicas: number;
  readonly claim: ClaimTemplate | undefined;
}

/** A claim that is there, with the size that it asks for. */
export interface LeftClaim {
  readonly name: string;
  readonly size: string;
  /** Whose events are on it: an edge's name, or `primary`; undefined where that is not told. */
  readonly edge?: string | undefined;
}

/** The same of servers that run. */
export interface RunningServers extends Servers {
  /** What they run, with repository and tag. */
  readonly image: string | undefined;
}

/** The same as they are to be. */
export interface WantedServers extends Servers {
  /** The tag of what is to run; undefined where the chart's own does. */
  readonly tag: string | undefined;
  /** Whether streams are kept in them. */
  readonly streams: boolean;
  /** How much streams may take of a server's disk, a Kubernetes quantity: its own limit, beside those of the streams. */
  readonly fileLimit: string | undefined;
}

/** By which a cluster is known again, whatever its address; at least one is there. */
export interface ClusterIdentity {
  /** The UID of its namespace kube-system. */
  readonly uid?: string;
  /** 32 hexadecimal digits of the SHA-256 of its CA, as pods are given it. */
  readonly ca?: string;
}

/**
 * What the resources alone cannot do in their cluster; index.ts hands it down with the provider. Whatever gets no answer throws a
 * PlainError of one line that says what was asked, where, and what to do.
 */
export interface Cluster {
  /** The stack's full name, organization/project/stack. */
  readonly stack: string;
  /** Where it is, for messages: context, address, proxy. */
  place(): Promise<string>;
  /** @param namespace where the CA is read; it need not be there when kube-system may be read */
  identity(namespace: string): Promise<ClusterIdentity>;
  /** Whose an object is; undefined where there is none. */
  owner(namespace: string, kind: OwnedKind, name: string): Promise<Owner | undefined>;
  /** What is in a Secret; undefined where there is none. */
  secret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** The id of the server in a pod, and the other servers of its cluster as it knows them. */
  serverRoutes(namespace: string, pod: string): Promise<ServerRoutes>;
  /** Replaces one entry of a Secret that is there. */
  writeSecret(namespace: string, name: string, key: string, text: string): Promise<void>;
  /** Namespaces in which a Secret of the name has the id; empty where there is none. */
  namespaces(secret: string, id: string): Promise<readonly string[]>;
  /** All revisions of the release, in any order; empty where there is none. */
  helmRecords(namespace: string, release: string): Promise<readonly HelmRecord[]>;
  /** Notes that nobody works on a revision any more, as Helm would have: a Secret by its name. */
  markFailed(namespace: string, record: string): Promise<void>;
  /** Deletes what Helm keeps of a revision, and nothing that it installed. */
  forget(namespace: string, record: string): Promise<void>;
  /** The servers of a release as they run: how many, of what image, and the claim of each; undefined where no StatefulSet is, or one that is being deleted. */
  runningServers(namespace: string, release: string): Promise<RunningServers | undefined>;
  /** The claims of a release's servers, also of such as are gone; not those that are being deleted. */
  claims(namespace: string, release: string): Promise<readonly LeftClaim[]>;
  /** The pods with a server of the release, those that are being ended included. */
  serverPods(namespace: string, release: string): Promise<readonly ServerPod[]>;
  /** Annotates the pods of the release: the kubelet then looks at their Secrets at once, not within two minutes. */
  touchPods(namespace: string, release: string): Promise<void>;
  /** The tags of the server in a pod: they tell which configuration it runs (natsConf.ts). */
  serverTags(namespace: string, pod: string): Promise<readonly string[]>;
  /** What the server in a pod has logged since then, in milliseconds since 1970: its last two thousand lines at most. */
  serverLog(namespace: string, pod: string, since: number): Promise<string>;
  /** What Kubernetes says of the objects that a label selector finds. @throws where not even pods can be read */
  workload(namespace: string, selector: string): Promise<Snapshot>;
  /** All nodes. */
  nodes(): Promise<readonly V1Node[]>;
}

/** Which Helm release of which namespace, of which stack. */
export interface ReleasePlace {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly release: string;
}

export const newestFirst = (records: readonly HelmRecord[]): HelmRecord[] =>
  [...records].sort((a, b) => b.revision - a.revision);

/**
 * The description of the release, which `helm history` shows. It stays the same while the newest revision is deployed as this program
 * installed it. Otherwise it changes, so that Pulumi runs Helm although no setting has changed: after a run that was killed while Helm was at
 * work, after a rollback by hand, or when the StatefulSet was deleted.
 * @param records all revisions; none is another stack's
 */
export async function description(place: ReleasePlace, records: readonly HelmRecord[]): Promise<string> {
  const newest = newestFirst(records)[0];
  if (newest === undefined) return DESCRIPTION;
  const fault = await faultOf(place, newest);
  if (fault === undefined) return newest.description;
  const { release } = place;
  await pulumi.log.info(`release ${release}: Helm is run again because of revision ${newest.revision}: ${fault}`);
  return `${DESCRIPTION}, after revision ${newest.revision} (${fault})`;
}

/** Why a revision is not what this program installed; undefined if it is. */
async function faultOf({ cluster, namespace, release }: ReleasePlace, revision: HelmRecord) {
  if (revision.status !== "deployed") return revision.status;
  if (!revision.description.startsWith(DESCRIPTION)) return printable(revision.description, 60);
  const servers = await cluster.runningServers(namespace, release);
  return servers === undefined ? "StatefulSet missing" : undefined;
}

/** Statuses that a run leaves when it is killed, or `helm uninstall --keep-history`; Helm refuses to go on from them ("another operation is in progress"). */
const UNFINISHED = /^(pending-|uninstall)/;

/**
 * Before the release is installed: what an interrupted run or a lost state has left of one of ours is forgotten by Helm, which then takes its
 * objects up as they are. Pulumi's lock is held, and the mark of the stack is on them, so nobody else is at work.
 */
export async function forgetFormerRuns({ cluster, namespace, release }: ReleasePlace, id: string): Promise<void> {
  for (const { name, owner, revision, status } of await cluster.helmRecords(namespace, release)) {
    if (owner?.id !== id) continue;
    await pulumi.log.info(`release ${release}: revision ${revision} (${status}) of an earlier run is taken up`);
    await cluster.forget(namespace, name);
  }
}

/**
 * Before the release is upgraded: a revision that a killed run left unfinished counts as failed, from which Helm goes on.
 * @throws PlainError where Helm has nothing to go on from, with the one command that mends it
 */
export async function settleFormerRuns({ cluster, namespace, release }: ReleasePlace, id: string): Promise<void> {
  const records = newestFirst(await cluster.helmRecords(namespace, release));
  const { up, refresh } = commands(cluster);
  if (records.length === 0) {
    throw new PlainError(
      `Helm release ${release} in namespace ${namespace}: expected the one that this stack made; came none (uninstalled by hand?); ` +
        `next: ${refresh}, then ${up}`,
    );
  }
  for (const { name, owner, revision, status } of records) {
    if (owner?.id !== id || !UNFINISHED.test(status)) continue;
    await pulumi.log.info(`release ${release}: revision ${revision} was interrupted (${status}); Helm goes on from it`);
    await cluster.markFailed(namespace, name);
  }
}

/** Seconds that the pods of a former release may take to go (they drain for at most 60), and between two looks. */
const DRAIN = { seconds: 180, pause: 1 };

/**
 * Waits until the servers of a former release are gone. While one of their names is still taken, a new StatefulSet's
 * controller tries again after ever longer pauses, which soon are minutes (341 s for an `up` were seen).
 * @throws Error with one line where pods stay longer
 */
export async function formerServersGone(
  { cluster, namespace, release }: ReleasePlace,
  { seconds, pause } = DRAIN,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (let told = ""; ; ) {
    // a set that is there is taken up with its pods
    if ((await cluster.runningServers(namespace, release)) !== undefined) return;
    // pods that somebody has orphaned to make the set anew stay, and the new one takes them up
    const pods = (await cluster.serverPods(namespace, release)).filter(({ going }) => going);
    if (pods.length === 0) return;
    const names = pods.map(({ name }) => name).join(", ");
    if (Date.now() > end) {
      throw new Error(
        `pods in namespace ${namespace}: expected the servers of the former release to be gone within ${seconds} s; ` +
          `still there: ${names}; next: kubectl -n ${namespace} describe pod ${pods[0]?.name}, then ${commands(cluster).up}`,
      );
    }
    if (names !== told) await pulumi.log.info(`waiting for the servers of the former release to drain: ${names}`);
    told = names;
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

/** Lets the servers see a changed Secret at once. Where that fails they see it within two minutes, by themselves. */
export async function wakeServers({ cluster, namespace, release }: ReleasePlace): Promise<void> {
  await cluster.touchPods(namespace, release).catch((error: Error) => {
    const what = `could not wake the servers in ${namespace} (${firstLine(error)})`;
    return pulumi.log.warn(
      `${what}; they take the change in within two minutes, when the kubelet refreshes the Secret`,
    );
  });
}

/** Commands to type next, of this cluster's own stack, whichever is selected. */
export function commands({ stack }: Pick<Cluster, "stack">) {
  const own = `-s ${stack.split("/").at(-1)}`;
  return {
    up: `pulumi up ${own}`,
    destroy: `pulumi destroy ${own}`,
    refresh: `pulumi refresh ${own}`,
    set: (key: string, value: string | number) =>
      `pulumi config set ${key.includes(".") ? `--path 'ops-nats:${key}'` : key.includes(":") ? key : `ops-nats:${key}`} ${value} ${own}`,
    unset: (path: string) => `pulumi config rm --path 'ops-nats:${path}' ${own}`,
  };
}

/** What a warning says of an error. */
export const firstLine = (error: Error): string => error.message.split("\n")[0] ?? "";
