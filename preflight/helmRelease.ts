// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { HelmRecord, ReleasePlace } from "../kubernetes/port.ts";
import { printable } from "../lib/plainError.ts";

/** How `helm history` describes a revision of ours. */
const DESCRIPTION = "installed by ops-nats";

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
