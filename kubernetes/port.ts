// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { V1Node } from "@kubernetes/client-node";
import type { Claim } from "../config/settings.ts";
import type { Snapshot } from "./snapshot.ts";

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
  /** The tags of the server in a pod: they tell which configuration it runs (nats/configTag.ts). */
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
