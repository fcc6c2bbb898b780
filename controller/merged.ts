// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { isDeepStrictEqual } from "node:util";
import { merge } from "../lib/merge.ts";
import type { ConsumerConfig, StreamConfig } from "../nats/streams.ts";
import type { ConsumerInfo, StreamInfo } from "./observed.ts";

/**
 * What is there, changed into what is planned; what the plan does not name stays. Servers add defaults to each source: one counts as the same when all
 * that the plan says of it is so. A stream that was without sources for a while got its name for a subject, and a time for which it looks at ids.
 * @returns undefined where there is nothing to change
 */
export function merged(
  now: StreamInfo["config"],
  wanted: StreamConfig,
): (Readonly<Record<string, unknown>> & { readonly name: string }) | undefined {
  const { subjects, duplicate_window, ...all } = merge(now, wanted) as Record<string, unknown> & { name: string };
  const [has, wants] = [now.sources ?? [], (wanted.sources ?? []) as readonly object[]];
  const same =
    has.length === wants.length && has.every((source, i) => isDeepStrictEqual(merge(source, wants[i] ?? {}), source));
  const next = {
    ...all,
    ...(wanted.subjects === undefined ? {} : { subjects }),
    ...(wanted.sources !== undefined && wanted.duplicate_window === undefined ? {} : { duplicate_window }),
    ...(same ? { ...(now.sources === undefined ? {} : { sources: now.sources }) } : {}),
  };
  const clean = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined));
  return isDeepStrictEqual(clean, now) ? undefined : { ...clean, name: now.name };
}

/** A consumer is changed in one thing, how many events may be under way: what it has handed over stays. */
export function underWay({ config }: ConsumerInfo, { max_ack_pending }: ConsumerConfig) {
  if (config.max_ack_pending === max_ack_pending) return undefined;
  return { ...config, name: String(config.name), max_ack_pending };
}
