// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { execa } from "execa";

describe("the command line of the suites", () => {
  for (const [words, said] of [
    [["unit", "--dry-run"], /--dry-run.*expected one or more of unit, .*; next: npm test/s],
    [["unit", "unti"], /no suite: unti; expected one or more of unit, .*; next: npm test/],
    [[], /no suite named; expected/],
  ] as const) {
    it(`runs nothing when told "${words.join(" ")}"`, async () => {
      const run = await execa("npx", ["tsx", "sandbox/test.ts", ...words], { reject: false });
      assert.equal(run.exitCode, 2);
      assert.match(run.stderr, said);
      assert.equal(run.stdout, "");
    });
  }
});
