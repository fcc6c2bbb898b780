// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readStream } from "../../scenarios/ledger.ts";
import { newTag } from "./heard.ts";
import type { Installation } from "./installation.ts";
import { until } from "./until.ts";

/**
 * Says so many events at once, each with an id of its own, to a server of a cluster, and waits up to 100 s until the primary's `ops`
 * has as many.
 * @returns the ids as they were said, and as they stand in `ops`
 */
export async function roundTrip(nats: Installation, cluster: string, ordinal: number, events: number) {
  const tag = newTag();
  const subject = `ops.clusters.${cluster}.${tag}`;
  const client = await nats.connect(nats.server(cluster, ordinal), nats.login(cluster));
  const said = Array.from({ length: events }, (_, i) => `${tag}.${i}`);
  for (const id of said) client.publish(subject, id);
  await client.flush();
  const reader = await nats.client(nats.server("primary"));
  const look = async () => (await readStream(reader, subject)).map(({ id }) => id);
  await until(`${events} events of ${cluster}`, async () => (await look()).length >= events, look, 100);
  const found = await look();
  await Promise.all([client.close(), reader.close()]);
  return { said, found };
}
