// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Whether every subject that `inner` matches is matched by `outer` too. */
export function covers(outer: string, inner: string): boolean {
  const [a, b] = [outer.split("."), inner.split(".")];
  for (const [i, token] of a.entries()) {
    if (token === ">") return b.length > i;
    if (b[i] === undefined || b[i] === ">" || (token !== "*" && token !== b[i])) return false;
  }
  return a.length === b.length;
}

/** Whether some subject is matched by both. */
export function overlap(left: string, right: string): boolean {
  const [a, b] = [left.split("."), right.split(".")];
  for (let i = 0; ; i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) return x === y;
    if (x === ">" || y === ">") return true;
    if (x !== y && x !== "*" && y !== "*") return false;
  }
}

/** The subjects without those that another one of the list covers: an import twice would deliver twice. Order is kept. */
export function withoutCovered(subjects: readonly string[]): readonly string[] {
  const unique = [...new Set(subjects)];
  return unique.filter((inner) => !unique.some((outer) => outer !== inner && covers(outer, inner)));
}

/** The events of one cluster, and the notifications, whose subjects carry no cluster by Ops' own design. */
export const eventSubjects = (cluster: string): readonly string[] => [
  `ops.clusters.${cluster}.>`,
  "ops.notifications.>",
];

/** A subject as the destination of a mapping: each `*` by its number. */
export function numbered(subject: string): string {
  let count = 0;
  return subject.replaceAll("*", () => `$${++count}`);
}
