// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Events in one period whose cluster name an edge does not carry, by that name; a flood costs so many, and counts are then lower bounds. */
export interface Strays {
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
}

/** How many are looked at between two reports, how many names are told, and how many bytes of a name. */
export const MOST = 10_000;
const TOLD = 20;
const LENGTH = 80;

const PREFIX = "ops.clusters.";

/** The name of a cluster as it stands in a subject, with what follows it; undefined for any other subject. */
export function nameIn(subject: string): string | undefined {
  if (!subject.startsWith(PREFIX)) return undefined;
  const [name = "", ...more] = subject.slice(PREFIX.length).split(".");
  return `${name.slice(0, LENGTH)}${more.length > 0 ? ".>" : ""}`;
}

/** A line for each name, the loudest first. */
export function report({ counts, total }: Strays, edge: string, seconds: number): readonly string[] {
  const names = [...counts].sort(([, a], [, b]) => b - a);
  const at_least = total >= MOST ? "at least " : "";
  const lines = names.slice(0, TOLD).map(([raw, count]) => {
    const name = raw.replace(/[^!-~]/g, "?");
    const own = `set Ops' event.cluster to ${edge}`;
    const below = name.endsWith(".>");
    const fix = !/^[a-z0-9_.>-]+$/.test(name)
      ? own
      : below
        ? `add ${name.slice(0, -2)} to ops-nats:acceptClusterNames or ${own}`
        : "an event needs more tokens after the name of its cluster";
    const where = below ? `below ${PREFIX}${name}` : `on ${PREFIX}${name} itself`;
    return `events ${where} are not carried to the primary (${at_least}${count} in the last ${seconds} s): ${fix}`;
  });
  const others = names.length - TOLD;
  return others > 0 ? [...lines, `events of ${others} more names are not carried to the primary`] : lines;
}
