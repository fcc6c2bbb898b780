// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { chooseChart } from "../../../sandbox/charts.ts";
import { buildNeeds, CLUSTERS } from "../../../sandbox/toolchain/cache.ts";
import { debianPrograms, systemCommands } from "../../../sandbox/toolchain/debian.ts";
import { builtFolder, goBuild, installedGo, moduleKey, type Place } from "../../../sandbox/toolchain/goBuild.ts";
import { type GoModule, PLUGINS, PULUMI_FLOOR, PULUMI_VERSION } from "../../../sandbox/toolchain/pins.ts";
import { fetchedPulumi, findPulumi } from "../../../sandbox/toolchain/pulumi.ts";
import { linkFarm } from "../../../sandbox/toolchain/toolchain.ts";

describe("toolchain", () => {
  const PATH = process.env.PATH;
  let root = "";
  let place: Place;
  let reports: string[] = [];
  const report = (text: string) => reports.push(text);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "ops-nats-toolchain-"));
    place = { sources: join(root, "sources"), cache: join(root, "cache") };
    reports = [];
    await mkdir(join(root, "path"));
    await mkdir(join(place.sources, "m"), { recursive: true });
    await writeFile(join(place.sources, "m", "main.go"), "package main\n");
    await mkdir(place.cache);
    await symlink("/bin/sh", join(root, "path", "sh"));
    process.env.PATH = join(root, "path");
  });
  afterEach(async () => {
    process.env.PATH = PATH;
    await rm(root, { recursive: true });
  });

  /** A program of which only the answers are real. */
  async function fake(file: string, script: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const onPath = (name: string, script: string) => fake(join(root, "path", name), script);

  describe("Go modules", () => {
    const module: GoModule = { folder: "m", programs: { "./tool": ["tool", "alias"] }, set: {}, seconds: 5 };
    const go = "go1.26.0";
    const source = () => join(place.sources, "m", "main.go");
    const build = () => goBuild("m", module, place, go, report);

    it("are known by each byte of their sources, by pins and by Go's version, not by time", async () => {
      const key = await moduleKey(module, place, go);
      await utimes(source(), 1, 1);
      await writeFile(join(place.sources, "m", "README.md"), "no source");
      assert.equal(await moduleKey(module, place, go), key);
      assert.notEqual(await moduleKey(module, place, "go1.26.1"), key);
      assert.notEqual(await moduleKey({ ...module, set: { version: "2" } }, place, go), key);
      await writeFile(source(), "package main \n");
      assert.notEqual(await moduleKey(module, place, go), key);
    });
    it("are not built when their result is in the cache", async () => {
      await onPath("go", "exit 1");
      const done = await builtFolder("m", module, place, go);
      await mkdir(done);
      assert.equal(await build(), done);
      assert.deepEqual(reports, []);
    });
    it("are built once, under each name of their programs", async () => {
      // the last argument but one is the folder of -o
      await onPath("go", 'while [ "$1" != -o ]; do shift; done; echo program >"$2/tool"; echo a/package >&2');
      const done = await build();
      assert.deepEqual((await readdir(done)).sort(), ["alias", "tool"]);
      assert.match(reports.join("\n"), /building m: .* s \(5 s when it was measured\).*\nbuilt m in \d+ s/);
      await onPath("go", "exit 1");
      assert.equal(await build(), done);
    });
    it("tell their log and its end when they fail, and leave nothing that counts as built", async () => {
      await onPath("go", "for i in 1 2 3 4 5 6 7 8 9; do echo package$i >&2; done; echo main.go:1: wrong >&2; exit 1");
      const log = join(place.cache, "logs", "m.log");
      await mkdir(join(place.cache, "m-0123.999999999"), { recursive: true }); // what a killed run left
      await assert.rejects(build(), (error: Error) => {
        assert.match(error.message, /go build of m failed after \d+ s/);
        assert.ok(error.message.includes(`its log is ${log} and ends:`), error.message);
        assert.match(error.message, /package9\nmain\.go:1: wrong$/);
        assert.doesNotMatch(error.message, /package2$/m);
        return true;
      });
      assert.match(await readFile(log, "utf8"), /^package1\n/);
      assert.deepEqual(await readdir(place.cache), ["logs"]);
    });
    it("need Go, and say which", () => assert.rejects(installedGo(), /Go was not found: install Go 1\.26 or later/));
  });

  describe("without apt-get", () => {
    const wayOut = /apt-get.* is not here.*README.*kind/s;
    it("says what would be unpacked, and the way out", async () => {
      await assert.rejects(
        debianPrograms(place, report),
        /containerd, runc.* by apt-get, which is not here.*README.*kind/s,
      );
      assert.deepEqual(await readdir(place.cache), []);
    });
    it("says what would be installed, and the way out", () =>
      assert.rejects(systemCommands(report), (error: Error) => {
        assert.match(error.message, /the sandbox needs .*iptables, .*openssl/);
        assert.match(error.message, wayOut);
        return true;
      }));
  });

  describe("Pulumi", () => {
    const all = Object.entries(PLUGINS).map(([name, version]) => ({ name, kind: "resource", version }));
    const cli = (version: string, plugins: readonly object[] = all) =>
      `[ "$1" = version ] && echo v${version}; [ "$2" = ls ] && echo '${JSON.stringify(plugins)}'; [ "$2" != install ]`;
    let probes = 0;
    const find = (built: boolean) =>
      findPulumi(place.cache, report, built, async () => {
        probes++;
        return false;
      });
    beforeEach(() => {
      probes = 0;
    });
    const fetched = () => fetchedPulumi(place.cache);

    it("is the one on PATH before all others, without the network", async () => {
      await onPath("pulumi", cli(PULUMI_FLOOR));
      await fake(fetched(), cli(PULUMI_VERSION));
      assert.deepEqual(await find(true), { command: "pulumi", source: "found" });
      assert.deepEqual([probes, reports], [0, []]);
    });
    it("on PATH is passed over when it is too old, and that is said once", async () => {
      await onPath("pulumi", cli("3.181.0"));
      await fake(fetched(), cli(PULUMI_VERSION));
      assert.deepEqual(await find(false), { command: fetched(), source: "fetched" });
      assert.deepEqual(reports, [
        `passing over the pulumi on PATH: it is v3.181.0, and resource hooks need ${PULUMI_FLOOR} or later`,
      ]);
      assert.equal(probes, 0);
    });
    it("that was fetched comes before what was built", async () => {
      await fake(fetched(), cli(PULUMI_VERSION));
      assert.deepEqual(await find(true), { command: fetched(), source: "fetched" });
    });
    it("that was built is taken without asking the network", async () => {
      assert.equal(await find(true), undefined);
      assert.deepEqual([probes, reports], [0, []]);
    });
    it("is built where nothing is there and nothing can be fetched", async () => {
      assert.equal(await find(false), undefined);
      assert.equal(probes, 1);
    });
    it("that lacks a plugin asks the network once, says so, and makes way", async () => {
      await onPath("pulumi", cli(PULUMI_VERSION, all.slice(1)));
      await fake(fetched(), cli(PULUMI_VERSION, []));
      assert.equal(await find(false), undefined);
      assert.equal(probes, 1);
      assert.match(reports[0] ?? "", /^pulumi has no plugin kubernetes 4\.\S+, and it cannot be fetched$/);
    });
  });

  it("keeps providers out of the folder of programs", async () => {
    const built = join(root, "built");
    for (const name of ["helm", "pulumi-resource-kubernetes"]) await fake(join(built, name), "exit 0");
    const bin = join(root, "bin");
    await linkFarm([built], bin, false, place);
    assert.deepEqual(await readdir(bin), ["helm"]);
  });

  it("asks for disk only for what was never built here", async () => {
    const cold = await buildNeeds(place.cache);
    assert.deepEqual(
      cold.map(({ folder }) => folder),
      [place.cache],
      "without Go its caches are unknown",
    );
    await onPath("go", `echo ${root}/modules; echo ${root}/compiled`);
    const bytes = (await buildNeeds(place.cache)).map((need) => need.bytes / 1e9);
    assert.ok(bytes.length === 3 && bytes.reduce((sum, each) => sum + each) > 8, String(bytes));
    await onPath("pulumi", `echo v${PULUMI_VERSION}`);
    for (const name of CLUSTERS) await writeFile(join(place.cache, `${name}.seconds`), "1");
    assert.deepEqual(await buildNeeds(place.cache), []);
  });

  describe("chart", () => {
    it("of NATS_CHART that is not there: an error that names it", () =>
      assert.rejects(
        chooseChart("charts/none.tgz"),
        /NATS_CHART: expected .*; came charts\/none\.tgz, which is not there/,
      ));
    it("of NATS_CHART is taken as an absolute path", async () => {
      const chart = await chooseChart("sandbox/chart");
      assert.equal(chart.kind, "given");
      assert.ok(chart.config && existsSync(chart.config.path) && chart.config.path.startsWith("/"));
      assert.match(chart.told, /sandbox\/chart \(NATS_CHART\)/);
    });
  });
});
