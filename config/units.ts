// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

const UNITS: Readonly<Record<string, number>> = {
  ...{ k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};

/** The bytes of a Kubernetes quantity, with a unit or without; NaN where it is none that we know (as `4GB`, which only NATS takes). */
export function bytes(size: string): number {
  const [, number, unit = ""] = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)$/.exec(size) ?? [];
  return Number(number) * (unit === "" ? 1 : (UNITS[unit] ?? Number.NaN));
}

const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

/** The seconds of `7d`, `12h` or `90m`. */
export const seconds = (text: string): number => Number.parseInt(text, 10) * (SECONDS[text.slice(-1)] ?? Number.NaN);

/** Cores of an amount of CPU. */
export const cores = (amount: string): number =>
  amount.endsWith("m") ? Number.parseInt(amount, 10) / 1000 : Number(amount);
