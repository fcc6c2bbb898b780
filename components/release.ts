// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { Claim } from "../settings.ts";

/** The name of the Helm release, and so of the objects of the chart. */
export const RELEASE = "nats";

/** What Helm keeps of one revision of a release, in the labels of a Secret. */
export interface HelmRecord {
  /** Helm's word: deployed, failed, pending-install, ... (https://helm.sh/docs/helm/helm_status/). */
  readonly status: string;
  readonly revision: number;
  /** Free text of whoever installed it; ours is {@link DESCRIPTION}. */
  readonly description: string;
}

/** By this a release is known as this program's, also where Pulumi's state does not know of it. */
export const DESCRIPTION = "installed by ops-nats";

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

/** The annotation of our Secret that tells whose it is. */
export const OWNER = "ops-nats/stack";

/** What the resources alone cannot do in their cluster; index.ts hands it down with the provider. */
export interface Cluster {
  /** The stack's full name, organization/project/stack: what it makes is known by it, see {@link OWNER}. */
  readonly stack: string;
  /** Namespaces in which this stack has made a Secret of the name; empty where there is none. */
  namespaces(secret: string): Promise<readonly string[]>;
  /** All revisions of the release, in any order; empty where there is none. */
  helmRecords(namespace: string, release: string): Promise<readonly HelmRecord[]>;
  /** The servers of a release as they run: how many, of what image, and the claim of each; undefined where no StatefulSet is. */
  runningServers(namespace: string, release: string): Promise<RunningServers | undefined>;
  /** The claims of a release's servers, also of such as are gone; not those that are being deleted. */
  claims(namespace: string, release: string): Promise<readonly LeftClaim[]>;
  /** Names of the pods with a server of the release, those that are being ended included. */
  serverPods(namespace: string, release: string): Promise<readonly string[]>;
  /** Annotates the pods of the release: the kubelet then looks at their Secrets at once, not within two minutes. */
  touchPods(namespace: string, release: string): Promise<void>;
}

/**
 * Refuses a release that is there although this stack has none: somebody else's, or what an interrupted run left.
 * @throws Error with one line: what was expected, what came, the next command. A cluster that gives no answer is a warning.
 */
export async function refuseForeignRelease(cluster: Cluster, namespace: string): Promise<void> {
  const records = await cluster.helmRecords(namespace, RELEASE).catch((error: Error) => {
    const what = `could not look for a release ${RELEASE} in ${namespace} (${firstLine(error)})`;
    return pulumi.log
      .warn(`${what}; where there is one, Helm says: cannot re-use a name that is still in use`)
      .then(() => []);
  });
  const newest = [...records].sort((a, b) => b.revision - a.revision)[0];
  if (newest === undefined) return;
  const found = `Helm release ${RELEASE} in namespace ${namespace}: expected none, for this stack has not made it; came one with status ${newest.status}`;
  const uninstall = `helm uninstall ${RELEASE} -n ${namespace}`;
  const { up } = commands(cluster);
  const interrupted = newest.description === DESCRIPTION || /^(pending-|failed|uninstalling)/.test(newest.status);
  throw new Error(
    interrupted
      ? `${found}, left by an interrupted run; next: ${uninstall} (data claims stay), then ${up}`
      : `${found}, installed by somebody else (the guide?); next: helm get values ${RELEASE} -n ${namespace} to keep what you changed, ` +
          `${uninstall} (data claims stay), then ${up}`,
  );
}

/** Seconds that the pods of a former release may take to go (they drain for at most 60), and between two looks. */
const DRAIN = { seconds: 180, pause: 1 };

/**
 * Waits until the servers of a former release are gone. While one of their names is still taken, a new StatefulSet's
 * controller tries again after ever longer pauses, which soon are minutes (341 s for an `up` were seen).
 * @throws Error with one line where pods stay longer. A cluster that gives no answer is a warning.
 */
export async function formerServersGone(
  cluster: Cluster,
  namespace: string,
  { seconds, pause } = DRAIN,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (let told = ""; ; ) {
    const pods = await cluster.serverPods(namespace, RELEASE).catch((error: Error) => {
      const what = `could not look for servers of a former release in ${namespace} (${firstLine(error)})`;
      return pulumi.log.warn(`${what}; where there are some, the new ones wait for them`).then(() => []);
    });
    if (pods.length === 0) return;
    const names = pods.join(", ");
    if (Date.now() > end) {
      throw new Error(
        `pods in namespace ${namespace}: expected the servers of the former release to be gone within ${seconds} s; ` +
          `still there: ${names}; next: kubectl -n ${namespace} describe pod ${pods[0]}, then ${commands(cluster).up}`,
      );
    }
    if (names !== told) await pulumi.log.info(`waiting for the servers of the former release to drain: ${names}`);
    told = names;
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

/** Lets the servers see a changed Secret at once. Where that fails they see it within two minutes, by themselves. */
export async function wakeServers(cluster: Cluster, namespace: string): Promise<void> {
  await cluster.touchPods(namespace, RELEASE).catch((error: Error) => {
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
    set: (key: string, value: string | number) =>
      `pulumi config set ${key.includes(".") ? `--path 'ops-nats:${key}'` : `ops-nats:${key}`} ${value} ${own}`,
    unset: (path: string) => `pulumi config rm --path 'ops-nats:${path}' ${own}`,
  };
}

/** What a warning says of an error. */
export const firstLine = (error: Error): string => error.message.split("\n")[0] ?? "";
