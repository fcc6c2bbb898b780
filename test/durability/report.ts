// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { appendFile, readFile } from "node:fs/promises";
import type { Outcome } from "./scenario.ts";

/** Where outcomes come from. */
export interface Place {
  /** How real it was: `processes`, `clusters`. */
  readonly level: string;
  readonly version: string;
  /** Else it was plain core NATS. */
  readonly persistent: boolean;
}

type Entry = Outcome & Place;

/** Adds outcomes to the file that the environment names, a line of JSON each; without one nothing is kept. */
export async function record(place: Place, outcomes: readonly Outcome[]): Promise<void> {
  const file = process.env.OUTCOMES;
  if (!file) return;
  await appendFile(file, outcomes.map((outcome) => `${JSON.stringify({ ...place, ...outcome })}\n`).join(""));
}

/** What was recorded; of a scenario that ran again, the last outcome. */
export async function recorded(file: string): Promise<Entry[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  const key = (e: Entry) => JSON.stringify([e.level, e.version, e.persistent, e.title, e.cluster]);
  return [...new Map(entries.map((entry) => [key(entry), entry])).values()];
}

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

const count = (number: number): string => number.toLocaleString("en-US");
const sum = (
  entries: readonly Entry[],
  key: "sent" | "stored" | "lost" | "doubled" | "reordered" | "unheard" | "heardTwice",
) => entries.reduce((total, entry) => total + entry[key], 0);

/** A scenario's row: all edges together, with persistence and without. */
function row(title: string, entries: readonly Entry[]): string {
  const edges = entries.filter(({ cluster }) => cluster !== "primary");
  const [kept, plain] = [edges.filter(({ persistent }) => persistent), edges.filter(({ persistent }) => !persistent)];
  const longest = Math.max(0, ...kept.map((entry) => entry.longest)) / 1000;
  const left =
    kept.length === 0
      ? ["", "", "", "", ""]
      : [
          count(sum(kept, "sent")),
          count(sum(kept, "stored")),
          `**${count(sum(kept, "lost"))}** / ${count(sum(kept, "doubled"))} / ${count(sum(kept, "reordered"))}`,
          `${count(sum(kept, "unheard"))} / ${count(sum(kept, "heardTwice"))}`,
          `${longest.toFixed(1)} s`,
        ];
  const lost = sum(plain, "unheard");
  const right =
    plain.length === 0
      ? ["", ""]
      : [
          count(sum(plain, "sent")),
          `${count(lost)} (${((100 * lost) / Math.max(1, sum(plain, "sent"))).toFixed(1)} %)`,
        ];
  return `| ${[title, ...left, ...right].join(" | ")} |`;
}

const HEAD = `| what was done | sent | stored at the edges | lost / doubled / out of order | live: not heard / heard twice | longest way | sent without persistence | lost without |
| --- | --- | --- | --- | --- | --- | --- | --- |`;

const OWN_HEAD = `| what was done | sent at the primary | in \`ops\` | doubled |
| --- | --- | --- | --- |`;

/** Tables of all outcomes: one for each level and version, and one of the primary's own events where they were not all kept. */
export function tables(entries: readonly Entry[]): string {
  const groups = grouped(entries, ({ level, version }) => `${level}, nats-server ${version}`);
  return [...groups]
    .map(([title, all]) => {
      const rows = [...grouped(all, (entry) => entry.title)].map(([what, some]) => row(what, some));
      const own = all.filter(
        ({ cluster, persistent, sent, stored }) => cluster === "primary" && persistent && stored < sent,
      );
      const ownRows = own.map((o) => `| ${o.title} | ${count(o.sent)} | ${count(o.stored)} | ${count(o.doubled)} |`);
      const more =
        own.length === 0
          ? ""
          : `\nThe primary's own events, where some that a client's library had taken are not in \`ops\` (its publisher's loss):\n\n${OWN_HEAD}\n${ownRows.join("\n")}\n`;
      return `## ${title[0]?.toUpperCase()}${title.slice(1)}\n\n${HEAD}\n${rows.join("\n")}\n${more}`;
    })
    .join("\n");
}

/** What all rows with persistence say together. */
export function total(entries: readonly Entry[]): string {
  const kept = entries.filter(({ persistent, cluster }) => persistent && cluster !== "primary");
  const by = [...grouped(kept, ({ version }) => version)].map(
    ([version, all]) =>
      `${version}: ${count(sum(all, "stored"))} stored at edges, ${count(sum(all, "lost"))} lost, ${count(sum(all, "doubled"))} doubled, ${count(sum(all, "reordered"))} out of order`,
  );
  return by.map((line) => `- ${line}`).join("\n");
}
