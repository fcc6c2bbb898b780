// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { lstat, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { besideProxy } from "../../../sandbox/proxy.ts";
import { PLUGINS } from "../../../sandbox/toolchain/pins.ts";
import type { PulumiPrograms } from "../../../sandbox/toolchain/pulumi.ts";
import { Workspace } from "../../../sandbox/workspace.ts";

describe("the sandbox's workspace", () => {
  let root = "";
  const workspace = async (pulumi?: PulumiPrograms) => {
    const bin = join(root, "bin");
    const made = new Workspace(join(root, "workspace"), {
      bin,
      cni: "",
      image: "",
      pulumi,
      program: (name) => join(bin, name),
    });
    await made.prepare();
    return made;
  };
  const folder = (name: keyof typeof PLUGINS) =>
    join(root, "workspace/home/plugins", `resource-${name}-v${PLUGINS[name]}`);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "ops-nats-workspace-"));
    for (const name of Object.keys(PLUGINS)) {
      await mkdir(join(root, "bin/plugins", name), { recursive: true });
      await writeFile(join(root, "bin/plugins", name, "schema.json"), name);
    }
  });
  afterEach(() => rm(root, { recursive: true }));

  it("has built plugins in folders of its own, on whatever file system; twice is fine", async () => {
    await workspace();
    await workspace();
    assert.ok((await lstat(folder("random"))).isDirectory(), "Pulumi passes over folders that are links");
    assert.ok((await lstat(join(folder("random"), "schema.json"))).isSymbolicLink());
    assert.equal(await readFile(join(folder("kubernetes"), "schema.json"), "utf8"), "kubernetes");
  });
  it("keeps a built Pulumi to its own plugins", async () => {
    const env = (await workspace()).env();
    assert.equal(env.PULUMI_IGNORE_AMBIENT_PLUGINS, "1");
    assert.equal(env.PULUMI_HOME, join(root, "workspace/home"));
    assert.ok(env.PATH?.startsWith(`${join(root, "bin")}:`));
  });
  it("leaves a found Pulumi its home", async () => {
    const env = (await workspace({ command: "pulumi", source: "found" })).env();
    assert.equal(env.PULUMI_HOME, undefined);
    assert.equal(env.PULUMI_IGNORE_AMBIENT_PLUGINS, undefined);
    assert.ok(env.PATH?.startsWith(`${join(root, "bin")}:`));
    await assert.rejects(stat(folder("random")));
  });
  it("puts a fetched Pulumi before all others", async () => {
    const env = (await workspace({ command: "/cache/pulumi/bin/pulumi", source: "fetched" })).env();
    assert.ok(env.PATH?.startsWith(`/cache/pulumi/bin:${join(root, "bin")}:`));
  });
});

describe("a proxy", () => {
  const own = "localhost,127.0.0.1,10.89.0.0/24";
  it("that is not set needs no exception", () => {
    assert.deepEqual(besideProxy({}), {});
    assert.deepEqual(besideProxy({ NO_PROXY: "corp", HTTPS_PROXY: "" }), {});
  });
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
    it(`set by ${name} is not for this machine and the clusters`, () =>
      assert.deepEqual(besideProxy({ [name]: "http://proxy:3128" }), { NO_PROXY: own, no_proxy: own }));
  it("keeps the exceptions that were there, in both spellings, once", () => {
    const list = `.corp,10.0.0.0/8,localhost,127.0.0.1,10.89.0.0/24`;
    assert.deepEqual(
      besideProxy({ https_proxy: "http://proxy:3128", NO_PROXY: ".corp, 10.0.0.0/8", no_proxy: "localhost,.corp" }),
      { NO_PROXY: list, no_proxy: list },
    );
  });
  it("that nothing goes to stays so, for programs too that do not know the asterisk", () =>
    assert.equal(besideProxy({ http_proxy: "http://proxy:3128", NO_PROXY: "*" }).no_proxy, `*,${own}`));
});
