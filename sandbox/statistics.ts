// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { cpus, totalmem } from "node:os";

/** What figures were measured on: processors and memory. */
export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;

/** Seconds that a piece of work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
/** The middle one. */
export const median = (numbers: readonly number[]) => sorted(numbers)[Math.floor(numbers.length / 2)] ?? Number.NaN;
/** Median (lowest to highest). */
export const spread = (numbers: readonly number[], digits: number) => {
  const all = sorted(numbers).map((n) => n.toFixed(digits));
  return `${median(numbers).toFixed(digits)} (${all[0]} to ${all.at(-1)})`;
};
export const met = (measured: number, most: number) => (measured <= most ? "met" : "**missed**");
/** Pair by pair. */
export const ratios = (a: readonly number[], b: readonly number[]) => a.map((n, i) => n / (b[i] ?? Number.NaN));
