// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { appendFile, readFile } from "node:fs/promises";
import type { Place } from "./deployment.ts";
import { together } from "./ledger.ts";
import type { Outcome } from "./outcome.ts";

const COUNTED = ["sent", "stored", "lost", "doubled", "reordered", "unheard", "heardTwice"] as const;

type Counts = Record<(typeof COUNTED)[number], number>;

/** One run of a scenario on one side: all edges together, and the primary's own events. */
export interface Row extends Place {
  readonly title: string;
  readonly edges: Counts;
  /** Milliseconds of the longest way of an edge's event. */
  readonly longest: number;
  /** Events that had waited, and the milliseconds in which they then came; not there in runs of before 2026-11-25. */
  readonly caughtUp?: { readonly events: number; readonly ms: number };
  /** Milliseconds from when a link was back until, at the edge where it took longest, the first event came that had waited. */
  readonly began?: number;
  readonly own: Counts;
  /** The streams of the primary's servers were read, too; in rows without it what was found in `ops` counts as stored. */
  readonly ownRead?: true;
  /** The day of the run, as 2026-11-24. */
  readonly day: string;
  /** What the edges' counts were in runs that this one stands for in the tables. */
  readonly before: Counts;
}

/** Adds outcomes to the file that the environment names, a line of JSON each; without one nothing is kept. */
export async function record(place: Place, outcomes: readonly Outcome[]): Promise<void> {
  const file = process.env.OUTCOMES;
  if (!file) return;
  await appendFile(file, outcomes.map((outcome) => `${JSON.stringify({ ...place, ...outcome })}\n`).join(""));
}

type Entry = Outcome & Place & { readonly title: string };

const added = (all: readonly Counts[]): Counts =>
  Object.fromEntries(COUNTED.map((name) => [name, all.reduce((sum, one) => sum + one[name], 0)])) as Counts;

const keyOf = ({ level, version, persistent, title }: Place & { readonly title: string }) =>
  JSON.stringify([level, version, persistent, title]);

/** The rows of what was recorded in one go, on one day. */
export async function recorded(file: string, day: string): Promise<Row[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  return [...grouped(entries, keyOf).values()].map((all) => {
    const { level, version, persistent, title } = all[0] as Entry;
    const [own, edges] = [
      all.filter(({ cluster }) => cluster === "primary"),
      all.filter((e) => e.cluster !== "primary"),
    ];
    const longest = edges.reduce((most, entry) => Math.max(most, entry.longest), 0);
    const caughtUp = together(edges.map(({ backlog }) => backlog));
    const begins = edges.flatMap(({ began }) => began ?? []);
    const began = begins.length === 0 ? {} : { began: Math.max(...begins) };
    const counts = {
      edges: added(edges),
      longest,
      caughtUp,
      ...began,
      own: added(own),
      ownRead: true as const,
      day,
      before: added([]),
    };
    return { level, version, persistent, title, ...counts };
  });
}

/**
 * Puts new rows in the place of old ones of the same scenario, whose counts they carry on; others are added.
 * @param all whether the new ones are of everything there is: an old one without a successor is no row any more
 */
export function renewed(old: readonly Row[], fresh: readonly Row[], all: boolean): Row[] {
  const rows = new Map(old.map((row) => [keyOf(row), row]));
  for (const row of fresh) {
    const was = rows.get(keyOf(row));
    rows.set(keyOf(row), was ? { ...row, before: added([row.before, was.before, was.edges]) } : row);
  }
  const known = new Set(fresh.map(keyOf));
  return [...rows.values()].filter((row) => !all || known.has(keyOf(row)));
}

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

const count = (number: number): string => number.toLocaleString("en-US");

/** A scenario's line: all edges together, with persistence and without. */
function line(title: string, rows: readonly Row[]): string {
  const [kept, plain] = [rows.find(({ persistent }) => persistent), rows.find(({ persistent }) => !persistent)];
  const left = kept
    ? [
        count(kept.edges.sent),
        count(kept.edges.stored),
        count(Math.max(0, kept.edges.sent - kept.edges.stored)),
        `**${count(kept.edges.lost)}** / ${count(kept.edges.doubled)} / ${count(kept.edges.reordered)}`,
        `${count(kept.edges.unheard)} / ${count(kept.edges.heardTwice)}`,
        `${(kept.longest / 1000).toFixed(1)} s`,
        caughtUp(kept),
      ]
    : ["", "", "", "", "", "", ""];
  const share = (part: number, of: number) => ((100 * part) / Math.max(1, of)).toFixed(1);
  const right = plain
    ? [count(plain.edges.sent), `${count(plain.edges.unheard)} (${share(plain.edges.unheard, plain.edges.sent)} %)`]
    : ["", ""];
  return `| ${[title, ...left, ...right].join(" | ")} |`;
}

/** A series that is shorter says nothing of how fast it could have come. */
const FEW = 100;

function caughtUp({ caughtUp, began }: Row): string {
  if (!caughtUp) return "";
  const { events, ms } = caughtUp;
  if (events < FEW || ms < 1) return "none";
  const after = began === undefined ? "" : `, begun after ${(began / 1000).toFixed(1)} s`;
  return `${count(events)} at ${count(Math.round(events / (ms / 1000)))}/s${after}`;
}

const HEAD = `| what was done | sent | stored at the edges | not stored | lost / doubled / out of order | live: not heard / heard twice | longest way | catch-up | sent without persistence | lost without |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`;

const OWN_HEAD = `| what was done | sent at the primary | stored there | lost | doubled | out of order | live: not heard / heard twice |
| --- | --- | --- | --- | --- | --- | --- |`;

/** Tables of all rows: one for each level and version, and one of the primary's own events where they were not all there once and in order. */
export function tables(rows: readonly Row[]): string {
  const groups = grouped(rows, ({ level, version }) => `${level}, nats-server ${version}`);
  return [...groups]
    .map(([title, all]) => {
      const lines = [...grouped(all, (row) => row.title)].map(([what, some]) => line(what, some));
      return `## ${title[0]?.toUpperCase()}${title.slice(1)}\n\n${HEAD}\n${lines.join("\n")}\n${ownTable(all)}`;
    })
    .join("\n");
}

/** Of the primary's own events; nothing where all that was sent came once and in order. */
function ownTable(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ title, persistent, ownRead, own }) => {
    const { sent, stored, lost, doubled, reordered, unheard, heardTwice } = own;
    if (!persistent || (stored >= sent && lost + doubled + reordered + unheard + heardTwice === 0)) return [];
    const [first, last] = [
      [sent, stored],
      [doubled, reordered],
    ].map((cells) => cells.map(count).join(" | "));
    const live = `${count(unheard)} / ${count(heardTwice)}`;
    return [`| ${title} | ${first} | ${ownRead ? `**${count(lost)}**` : "not read"} | ${last} | ${live} |`];
  });
  if (lines.length === 0) return "";
  return `
The primary's own events, where not all that was sent came once and in order, and was heard. Stored: in the stream of the server that the client had, or
in \`ops\`; the rest is its publisher's loss (of one that keeps its connection up to 199 each time that breaks: it asks after each 200th whether
they were taken), or what that stream had and has no more: with its disk, by its limits, or because it was told to count on. Where the
servers' streams were not read, what is in \`ops\` counts as stored. Out of order are those of one connection, which its client may have
had at two servers:

${OWN_HEAD}
${lines.join("\n")}
`;
}

/** Scenarios that were run on other versions and not on this one, with persistence or without; empty when there are none. */
export function missing(rows: readonly Row[], version: string): string {
  const groups = grouped(rows, ({ level, persistent }) => JSON.stringify([level, persistent]));
  return [...groups.values()]
    .flatMap((all) => {
      const have = new Set(all.filter((row) => row.version === version).map(({ title }) => title));
      const others = [...new Set(all.map(({ title }) => title))].filter((title) => !have.has(title));
      const { level, persistent } = all[0] as Row;
      return others.length === 0
        ? []
        : [`- ${level}, ${persistent ? "with persistence" : "without"}: ${others.join("; ")}`];
    })
    .join("\n");
}

/** What all runs with persistence on one version say together, of edges. */
export const totalOf = (rows: readonly Row[], version: string): Counts =>
  added(
    rows.filter((row) => row.persistent && row.version === version).flatMap(({ edges, before }) => [edges, before]),
  );

/** The same in words, for each version. */
export function totals(rows: readonly Row[]): string {
  const versions = [...new Set(rows.filter(({ persistent }) => persistent).map(({ version }) => version))];
  const lines = versions.map((version) => {
    const { stored, lost, doubled, reordered } = totalOf(rows, version);
    return `- ${version}: ${count(stored)} stored at edges, ${count(lost)} lost, ${count(doubled)} doubled, ${count(reordered)} out of order`;
  });
  return lines.join("\n");
}
