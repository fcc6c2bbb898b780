// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";

const PROJECT = resolve(import.meta.dirname, "..");

describe("modules that the SDK needs only to serialise functions", () => {
  /** Runs a script as Pulumi.yaml has programs run, and gives what it prints as JSON. */
  async function run(script: string, args: readonly string[] = ["--import", "./lazyModules.mjs"]): Promise<unknown> {
    const loaded = `const loaded = () => ["typescript", "@npmcli/arborist"].filter((name) =>
      Object.keys(require.cache).some((file) => file.includes("/node_modules/" + name + "/")));`;
    const text = `const pulumi = require("@pulumi/pulumi"); ${loaded} (async () => { ${script} })().then((x) => console.log(JSON.stringify(x)));`;
    const { stdout } = await execa("node", [...args, "-e", text], { cwd: PROJECT });
    return JSON.parse(stdout);
  }

  it("are not loaded at a start; they are without the hook, as a control", async () => {
    assert.deepEqual(await run("return loaded();"), []);
    assert.deepEqual(await run("return loaded();", []), ["typescript", "@npmcli/arborist"]);
  });

  it("are loaded when they are needed, and then work: TypeScript", async () => {
    const text = await run(
      "const n = 7; const { text } = await pulumi.runtime.serializeFunction(() => n); return [text, loaded()];",
    );
    assert.match(JSON.stringify(text), /n: 7.*typescript/);
  });

  it("are loaded when they are needed, and then work: npm's tree", async () => {
    const script =
      "const paths = await pulumi.runtime.computeCodePaths({}); return [[...paths.keys()].some((path) => path.endsWith('zod')), loaded()];";
    assert.deepEqual(await run(script), [true, ["@npmcli/arborist"]]);
  });

  it("anybody else gets them as ever", async () => {
    assert.equal(await run("return require('typescript').version.split('.').length;"), 3);
  });

  it("are what Pulumi.yaml has programs started with", async () => {
    const { runtime } = parse(await readFile(resolve(PROJECT, "Pulumi.yaml"), "utf8"));
    assert.match(
      runtime.options.nodeargs,
      /^--import \.\/lazyModules\.mjs --import @kubernetes\/client-node --import tsx\/esm$/,
    );
  });
});
