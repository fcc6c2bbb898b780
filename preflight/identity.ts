// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { ClusterIdentity } from "../kubernetes/port.ts";

/** What a stack knows of itself. */
export interface Identity {
  /** 16 lower-case letters and digits; undefined in the preview before the first `up`. */
  readonly id: string | undefined;
  /** The cluster in which it began. */
  readonly cluster: ClusterIdentity;
}

/**
 * Who a stack is, and where: kept in its state before anything is made in a cluster, and never changed. What is remembered stands
 * in the keepers of a random string, whose changes are ignored.
 * @param cluster the cluster as it is now; it is remembered by a stack that does not know one yet
 * @param adopted the id of a former state, which the stack goes on with
 */
export async function stackIdentity(cluster: ClusterIdentity, adopted: string | undefined): Promise<Identity> {
  const keepers = { ...cluster, ...(adopted === undefined ? {} : { adopted }) };
  const args = { length: 16, special: false, upper: false, keepers };
  // a run that was refused has made one already: who takes a state over takes that one's place
  const memory = new random.RandomString("identity", args, {
    ignoreChanges: adopted === undefined ? ["keepers"] : ["keepers.uid", "keepers.ca"],
  });
  const [made, kept] = await Promise.all([known(memory.result), known(memory.keepers)]);
  const { uid, ca, adopted: former } = kept ?? {};
  return { id: former ?? made, cluster: { ...(uid ? { uid } : {}), ...(ca ? { ca } : {}) } };
}

/** The value of an output; undefined while it is not known, in a preview. */
async function known<T>(output: pulumi.Output<T>): Promise<T | undefined> {
  // the SDK keeps this to itself, and an apply of what is unknown is never called
  const { isKnown } = output as unknown as { readonly isKnown: Promise<boolean> };
  return (await isKnown) ? new Promise((resolve) => output.apply((value) => resolve(value as T))) : undefined;
}
