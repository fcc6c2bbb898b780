// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../components");
const scripts = readdirSync(FOLDER).filter((file) => file.endsWith(".sh"));

describe("the keeper's scripts", () => {
  // In jq before 1.8, which nats-box has, `a // b as $x` is `a // (b as $x | …)`; in the tests' own jq it is not.
  it("put what stands before jq's `as` into parentheses where it has `//`", () => {
    const open = /\/\/[^()|;]*\bas \$/;
    assert.match(".sources // [] as $now", open);
    assert.doesNotMatch("(.sources // []) as $now", open);
    for (const file of ["keeper.sh", "brake.sh"]) assert.ok(scripts.includes(file), file);
    for (const file of scripts) assert.doesNotMatch(readFileSync(join(FOLDER, file), "utf8"), open, file);
  });

  it("put jq's `reduce` into parentheses where it is a value in an object, which jq before 1.7 asks for", () => {
    const bare = /(?<!\bdef [\w($)]+):\s*(reduce|if|foreach|try)\b/;
    assert.match("{a: reduce .[] as $x (0; . + $x)}", bare);
    for (const file of scripts) assert.doesNotMatch(readFileSync(join(FOLDER, file), "utf8"), bare, file);
  });

  it("name characters by ranges: a busybox may know no classes, and takes [:print:] for eight letters", () => {
    for (const file of scripts) assert.doesNotMatch(readFileSync(join(FOLDER, file), "utf8"), /\[:\w+:\]/, file);
  });
});
