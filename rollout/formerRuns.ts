// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { ReleasePlace } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { PlainError } from "../lib/plainError.ts";
import { newestFirst } from "../preflight/helmRelease.ts";

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
