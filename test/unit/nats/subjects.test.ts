// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { covers, overlap, withoutCovered } from "../../../nats/subjects.ts";

describe("subjects", () => {
  const cases: [string, string, { covers: boolean; overlap: boolean }][] = [
    ["a.b", "a.b", { covers: true, overlap: true }],
    ["a.>", "a.b.c", { covers: true, overlap: true }],
    ["a.>", "a", { covers: false, overlap: false }],
    ["a.*", "a.b", { covers: true, overlap: true }],
    ["a.*", "a.>", { covers: false, overlap: true }],
    ["a.b", "a.*", { covers: false, overlap: true }],
    ["a.*.c", "a.b.*", { covers: false, overlap: true }],
    ["a.b", "a.c", { covers: false, overlap: false }],
    ["a.b", "a.b.c", { covers: false, overlap: false }],
    [">", "a.b", { covers: true, overlap: true }],
  ];
  for (const [left, right, expected] of cases) {
    it(`${left} against ${right}`, () => {
      assert.deepEqual({ covers: covers(left, right), overlap: overlap(left, right) }, expected);
      assert.equal(overlap(right, left), expected.overlap, "overlap has no direction");
    });
  }

  it("leaves out what another subject covers, and the second of two equal ones, in order", () => {
    assert.deepEqual(withoutCovered(["b", "a.b", "a.>", "b", "a.*"]), ["b", "a.>"]);
  });
});
