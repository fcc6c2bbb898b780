// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Installation } from "./installation.ts";
import { until } from "./until.ts";

/** A link as the primary sees it; the peer's address changes when it is made anew. */
export interface Link {
  /** Name of the edge's server. */
  readonly server: string;
  /** The peer's `ip:port`. */
  readonly peer: string;
}

/** All links, by the names of the edges' servers. */
export async function links(nats: Installation): Promise<readonly Link[]> {
  const ends = await Promise.all(nats.cluster("primary").servers.map((server) => server.leafs()));
  const found = ends.flat().map(({ name, ip, port }) => ({ server: name, peer: `${ip}:${port}` }));
  return found.sort((a, b) => (a.server < b.server ? -1 : 1));
}

/** Longer than a leaf takes to come back: 1 s and up to 1 s of chance. */
const RECONNECT = 3000;

/**
 * Asserts that the links stay as they are for longer than a reconnect takes.
 * @param at when `atStart` was seen, in milliseconds
 */
export async function assertLasting(nats: Installation, atStart: readonly Link[], at: number): Promise<void> {
  const seen: (readonly Link[])[] = [];
  await until("links that are old enough", async () => {
    seen.push(await links(nats));
    return Date.now() - at > RECONNECT;
  });
  for (const now of seen) assert.deepEqual(now, atStart);
}
