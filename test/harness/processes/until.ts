// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { setTimeout as pause } from "node:timers/promises";

/**
 * Waits until `look` gives something; a look that throws counts as nothing.
 * @param what read after "waited for"
 * @param seconds longest wait, far longer than it takes: a machine that is busy or begins with cold disks is no fault of what is waited for
 * @throws Error that says what was seen last
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  seen: () => unknown = () => "nothing of it",
  seconds = 60,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let fault: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      fault = undefined;
    } catch (error) {
      fault = error;
    }
    if (Date.now() > end) {
      const last = fault ?? (await seen());
      const text = typeof last === "string" || last instanceof Error ? String(last) : JSON.stringify(last);
      throw new Error(`waited ${seconds} s for ${what}; seen last: ${text}`);
    }
    await pause(20);
  }
}
