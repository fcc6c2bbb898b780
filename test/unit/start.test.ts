// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";

const PROJECT = resolve(import.meta.dirname, "../..");

describe("a program's start", () => {
  it("is what Pulumi.yaml has programs started with", async () => {
    const { runtime } = parse(await readFile(join(PROJECT, "Pulumi.yaml"), "utf8"));
    assert.deepEqual([runtime.options.typescript, runtime.options.nodeargs], [false, "--import ./start.mjs"]);
  });

  it("has Node read TypeScript, types taken off, without a word", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ops-nats-start-"));
    try {
      await writeFile(join(folder, "package.json"), '{ "type": "module" }');
      const file = join(folder, "program.ts");
      await writeFile(file, 'const word: string = "typed";\nconsole.log(word satisfies string);\n');
      const { stdout, stderr } = await execa(process.execPath, ["--import", "./start.mjs", file], { cwd: PROJECT });
      assert.deepEqual([stdout, stderr], ["typed", ""]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
