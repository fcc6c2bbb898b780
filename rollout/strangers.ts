// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { ReleasePlace } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { PlainError, printable } from "../lib/plainError.ts";

/** Seconds that a server which has gone may still be known to others, and between two looks. */
const PARTING = { seconds: 30, pause: 1 };

/**
 * Looks whether anybody but the servers of a release is one of their cluster: who joined while no password was asked, or with one that became known,
 * stays in by routes that our own servers have made, whatever the password is then.
 * @throws PlainError that names the address of each
 */
export async function assertNoStrangers(place: ReleasePlace, { seconds, pause } = PARTING): Promise<void> {
  const { cluster, namespace, release } = place;
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const pods = (await cluster.serverPods(namespace, release)).filter(({ running }) => running);
    const asked = pods.map(({ name }) => cluster.serverRoutes(namespace, name));
    // one may end while it is asked
    const servers = await Promise.all(asked).catch((error: Error) => {
      if (error instanceof PlainError || Date.now() > end) throw error;
      return undefined;
    });
    const own = new Set(servers?.map(({ id }) => id));
    const strangers = servers?.flatMap(({ peers }) => peers).filter(({ id }) => !own.has(id));
    if (strangers?.length === 0) return;
    if (strangers && Date.now() > end) {
      const where = [...new Set(strangers.map(({ address }) => printable(address, 100)))].join(", ");
      throw new PlainError(
        `servers in namespace ${namespace}: expected no others in their cluster; came routes to ${where}, which run none of this release; ` +
          `next: find out what runs there, kubectl -n ${namespace} rollout restart statefulset -l app.kubernetes.io/instance=${release}, ` +
          `then another password, and another root key for they had a certificate, too (docs/concepts/security.md), then ${commands(cluster).up}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}
