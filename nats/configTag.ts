// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";

/**
 * The tag of servers that run an include file: 64 bits of a hash over the text, whose passwords have 190 random ones each, so it tells
 * nothing of them. Servers show their tags, and reload them.
 */
export const configTag = (include: string): string =>
  `conf:${createHash("sha256").update(include).digest("hex").slice(0, 16)}`;

/** The tag that an include file puts on the servers that run it. */
export function tagOf(include: string): string {
  const tag = /^server_tags: \[.*"(conf:[0-9a-f]{16})"\]$/m.exec(include)?.[1];
  if (tag === undefined) throw new Error("an include file without its tag");
  return tag;
}
