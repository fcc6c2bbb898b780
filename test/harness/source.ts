// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Source } from "../../config/source.ts";
import { PlainError } from "../../lib/plainError.ts";
import { readSettings } from "../../preflight/settings.ts";

/** A stack as the engine hands it over; keys without a namespace are ours. */
export const source = (stack: string, keys: Record<string, unknown>, more: Partial<Source> = {}): Source => ({
  stack,
  organization: "organization",
  project: "ops-nats",
  secretKeys: new Set(),
  sharedFile: undefined,
  contexts: () => [],
  ...more,
  config: Object.fromEntries(
    Object.entries({ "kubernetes:context": stack, ...keys }).map(([key, value]) => [
      key.includes(":") ? key : `ops-nats:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  ),
});

export const hosts = ["203.0.113.10"];

/** The lines of the error that the configuration gives; fails when it gives none. */
export function faults(stack: string, keys: Record<string, unknown>, more: Partial<Source> = {}): string[] {
  try {
    readSettings(source(stack, keys, more));
  } catch (error) {
    assert.ok(error instanceof PlainError, String(error));
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return assert.fail(`no fault in ${JSON.stringify(keys)}`);
}

/** Asserts that there is just one fault, that it names the key, what was expected and what came, and a command. */
export function fault(stack: string, keys: Record<string, unknown>, pattern: RegExp, more: Partial<Source> = {}): void {
  const lines = faults(stack, keys, more);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0] ?? "", pattern);
  assert.match(lines[0] ?? "", /: expected .+; came .+; next: .+/);
}
