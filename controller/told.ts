// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Plan } from "../nats/streams.ts";
import type { Moment, Observed, Server } from "./observed.ts";

/** Seconds until certificates are looked at again, and where one server has not told. */
const DAILY = 86_400;
const SOON = 600;
const DAY = 86_400_000;

/** Of what servers show to leafs, and to each other. */
export interface Ends {
  readonly leaf?: number;
  readonly cluster?: number;
}

/** Says which streams have come to their limits, and which have room again. */
export function fullness(
  { streams }: Observed,
  before: readonly string[],
  said: string[],
  warned: string[],
): readonly string[] {
  const full = new Set(before);
  for (const [name, found] of Object.entries(streams)) {
    if (found.is !== "there") continue;
    const { state, config } = found.info;
    const brimful = state.bytes > 0.95 * config.max_bytes;
    if (brimful === full.has(name)) continue;
    if (!brimful) {
      full.delete(name);
      said.push(`stream ${name}: has room again`);
      continue;
    }
    full.add(name);
    const what =
      config.discard === "old"
        ? "its oldest events give way to new ones"
        : "new events are refused until old ones go by their age";
    warned.push(`stream ${name}: full with ${state.bytes} bytes; ${what}`);
  }
  return [...full];
}

/** What is remembered of certificates. */
export interface Certified {
  /** When they are looked at next (uptime). */
  readonly expiry: number;
  /** When the first one ends, in milliseconds since 1970, as servers told it last. */
  readonly ends: Ends;
}

/** Says once a day which certificate of the servers ends soon. @returns when to look again, and what was told */
export function expiring(
  { certificates = {} }: Plan,
  servers: readonly Server[],
  { expiry, ends }: Certified,
  { date, uptime }: Moment,
  warned: string[],
): Certified {
  const told = servers.flatMap((server) => server.certificates ?? []);
  if (uptime < expiry || told.length === 0) return { expiry, ends };
  const first: { leaf?: number; cluster?: number } = {};
  for (const of of ["leaf", "cluster"] as const) {
    const all = told.flatMap((one) => one[of] ?? []);
    if (all.length === 0) continue;
    first[of] = Math.min(...all);
    const days = Math.floor((first[of] - date) / DAY);
    const limit = certificates[of];
    if (limit === undefined || days >= limit) continue;
    const then = of === "leaf" ? "edges do not connect" : "the cluster's servers do not find each other";
    warned.push(
      `a certificate of the servers has ${days} days left, then ${then} any more: pulumi up for this stack takes another (somebody else's: have it renewed)`,
    );
  }
  return { expiry: uptime + (told.length === servers.length ? DAILY : SOON), ends: first };
}
