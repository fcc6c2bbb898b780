// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import type { Installation } from "./installation.ts";
import { siteOf } from "./site.ts";

/** The name of the server of the primary that leads a stream which app may ask for. */
export async function leaderOf(nats: Installation, stream: string): Promise<string | undefined> {
  const connection = await siteOf(nats, []).connect("primary");
  const { cluster } = await (await jetstreamManager(connection)).streams.info(stream);
  await connection.close();
  return cluster?.leader;
}
