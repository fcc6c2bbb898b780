// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { edgeAccount } from "../nats/accounts.ts";
import { handedUp, type Plan } from "../nats/streams.ts";
import { clean } from "./log.ts";
import type { Linked, Observed } from "./observed.ts";
import type { Outcome } from "./reconcile.ts";

/** What `/status` gives; another meaning of what is there has another version. Sizes in bytes, times in RFC 3339, ages in seconds. */
export interface Status {
  readonly version: 1;
  readonly time: string;
  /** All is as planned. */
  readonly planned: boolean;
  readonly problems: readonly string[];
  readonly servers: readonly { readonly name: string; readonly runs: boolean; readonly well: boolean }[];
  readonly streams: readonly StreamStatus[];
  /** When the first of the servers' certificates ends: of what they show to leafs, and to each other; what they do not have is not in it. */
  readonly certificates: { readonly leaf?: string; readonly cluster?: string };
  /** At a primary, those that are listed. */
  readonly edges: readonly EdgeStatus[];
  /** Leaf links that stand, by what the other server calls itself, which proves nothing, and by the account of its login. */
  readonly links: readonly Linked[];
  /** What went wrong last, and is perhaps mended by now. */
  readonly lastError?: { readonly time: string; readonly message: string } | undefined;
}

interface StreamStatus {
  readonly name: string;
  /** Undefined where nobody can tell, or it is not there. */
  readonly messages: number | undefined;
  readonly bytes: number | undefined;
  readonly limit: number | undefined;
  readonly full: boolean;
  /** Age of the oldest event; undefined where there is none. */
  readonly oldest: number | undefined;
}

interface EdgeStatus {
  readonly name: string;
  /** Events that it has, and the primary has not, as far as that knows; undefined where it stores nothing. */
  readonly behind: number | undefined;
  /** Since anything came of it; undefined where nothing ever did. */
  readonly silent: number | undefined;
  /** Whether a link stands that was logged in as this edge. */
  readonly linked: boolean;
}

/** Who has a link, by its account: what a leaf calls itself proves nothing. */
export const accountsOf = (links: readonly Linked[]): ReadonlySet<string> =>
  new Set(links.map(({ account }) => account));

/** @param date milliseconds since 1970 */
export function statusOf(plan: Plan, seen: Observed, { memory, problems, actions }: Outcome, date: number): Status {
  const linked = accountsOf(seen.linked ?? []);
  const streams = Object.entries(seen.streams).map(([name, found]): StreamStatus => {
    const info = found.is === "there" ? found.info : undefined;
    return {
      name,
      messages: info?.state.messages,
      bytes: info?.state.bytes,
      limit: info?.config.max_bytes,
      full: memory.full.includes(name),
      oldest: info && info.state.messages > 0 ? (date - Date.parse(info.state.first_ts)) / 1000 : undefined,
    };
  });
  return {
    version: 1,
    time: new Date(date).toISOString(),
    planned: problems.length === 0 && actions.length === 0,
    problems: problems.map((text) => clean(text)),
    servers: seen.servers.map(({ name, id, sick }) => ({
      name,
      runs: id !== undefined,
      well: id !== undefined && !sick,
    })),
    streams,
    certificates: Object.fromEntries(Object.entries(memory.ends).map(([of, end]) => [of, new Date(end).toISOString()])),
    edges: edgesOf(plan, seen, linked),
    links: seen.linked ?? [],
  };
}

/** All that the plan lists, with what is known of those that store. */
function edgesOf({ edges = [] }: Plan, { streams }: Observed, linked: ReadonlySet<string>): readonly EdgeStatus[] {
  const sources = Object.values(streams).flatMap((found) => (found.is === "there" ? (found.info.sources ?? []) : []));
  return edges.map((name) => {
    const source = sources.find(({ external }) => external?.deliver === handedUp(name));
    const silent = source === undefined || source.active < 0 ? undefined : source.active / 1e9;
    return { name, behind: source?.lag, silent, linked: linked.has(edgeAccount(name)) };
  });
}
