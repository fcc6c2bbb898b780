// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

export interface WaitOptions {
  /** Seconds; generous, since a machine may be busy building beside it. @default 60 */
  readonly timeout?: number;
  /** Named when the time is up. */
  readonly log?: string;
  /** Gives a reason when waiting longer is pointless. */
  readonly failed?: () => Promise<string | undefined>;
}

/** Asks again and again until `probe` gives something; it throws or returns undefined while it has nothing. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  options: WaitOptions = {},
): Promise<T> {
  const timeout = options.timeout ?? 60;
  const end = Date.now() + timeout * 1000;
  let seen = "nothing yet";
  for (let pause = 10; ; pause = Math.min(pause * 1.3, 100)) {
    try {
      const result = await probe();
      if (result !== undefined) return result;
    } catch (error) {
      seen = error instanceof Error ? error.message : String(error);
    }
    const log = options.log === undefined ? "" : `; its log is ${options.log}`;
    const failure = await options.failed?.();
    if (failure !== undefined) throw new Error(`waiting for ${what}: ${failure}${log}`);
    if (Date.now() > end) throw new Error(`${what}: not there after ${timeout} s; last seen: ${seen}${log}`);
    await delay(pause);
  }
}
