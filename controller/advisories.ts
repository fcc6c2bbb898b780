// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { NatsConnection } from "@nats-io/transport-node";
import type { Plan } from "../nats/streams.ts";

const ADVISORY = "$JS.EVENT.ADVISORY";

/**
 * Calls back where a server tells that a planned stream or consumer was changed or deleted (advisories of JetStream): otherwise that is found by the next
 * look, up to a minute later. Those of consumers that others make and remove are passed over.
 */
export function watchAdvisories(
  connection: Pick<NatsConnection, "subscribe">,
  plan: Plan,
  noticed: (subject: string) => void,
): void {
  const streams = plan.streams.map(({ config }) => config.name);
  const wanted = new Set([
    ...streams.flatMap((name) => [`${ADVISORY}.STREAM.UPDATED.${name}`, `${ADVISORY}.STREAM.DELETED.${name}`]),
    ...plan.consumers.map(({ stream, config }) => `${ADVISORY}.CONSUMER.DELETED.${stream}.${config.name}`),
  ]);
  const callback = (error: Error | null, { subject }: { subject: string }) => {
    if (error === null && wanted.has(subject)) noticed(subject);
  };
  // of each kind, for a plan may have thousands
  for (const kind of ["STREAM.UPDATED", "STREAM.DELETED", "CONSUMER.DELETED"])
    connection.subscribe(`${ADVISORY}.${kind}.>`, { callback });
}
