// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { mochaRun } from "../../../sandbox/mochaRun.ts";
import { inPlaces } from "../../../sandbox/pool.ts";
import { ALONE, CONFORMANCE, QUICK, SECONDS, SUITES, stages } from "../../../sandbox/suites.ts";
import { portRange } from "../../harness/processes/ports.ts";

const root = resolve(import.meta.dirname, "../../..");

describe("the command line of the suites", () => {
  for (const [words, said] of [
    [["unit", "--dry-run"], /--dry-run.*expected one or more of unit, .*; next: npm test/s],
    [["unit", "unti"], /no suite: unti; expected one or more of unit, .*; next: npm test/],
    [[], /no suite named; expected/],
    [["unit", "--processes", "0"], /--processes 0: must be a number from 1 on/],
    [["unit", "--seconds", "soon"], /--seconds soon: must be a number from 1 on/],
  ] as const) {
    it(`runs nothing when told "${words.join(" ")}"`, async () => {
      const run = await execa("npx", ["tsx", "sandbox/test.ts", ...words], { reject: false });
      assert.equal(run.exitCode, 2);
      assert.match(run.stderr, said);
      assert.equal(run.stdout, "");
    });
  }

  it("ends what runs when its time is over, and counts that as a failure", async () => {
    const words = ["unit", "--seconds", "1", "--grep", "a title that no test has"];
    const run = await execa("npx", ["tsx", "sandbox/test.ts", ...words], { reject: false });
    assert.match(run.stdout, /✘ test\/unit\/\*\*\/\*\.test\.ts: ended: 1 s are over\n0 passed, 1 failed$/);
    assert.equal(run.exitCode, 1);
  });
});

describe("the suites", () => {
  const filesOf = (names: readonly string[]) =>
    stages(names)
      .flat()
      .flatMap(({ files }) => files)
      .sort();

  it("have every file of test/conformance in one run, and npm test and test:rest have it together", async () => {
    const there = (await readdir(join(root, "test/conformance")))
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => `test/conformance/${file}`)
      .sort();
    assert.ok(there.length > 10);
    assert.deepEqual(filesOf(["conformance"]), there);
    assert.deepEqual([...filesOf(["quick"]), ...filesOf(["rest"])].sort(), there);
    assert.deepEqual(filesOf(["quick", "conformance", "rest"]), there, "none twice when suites overlap");
  });

  it("have every file of test/chaos", async () => {
    const there = (await readdir(join(root, "test/chaos"))).filter((file) => file.endsWith(".test.ts"));
    assert.deepEqual(filesOf(["chaos"]), there.map((file) => `test/chaos/${file}`).sort());
  });

  it("name only files that exist", () => {
    for (const name of [...QUICK, ...Object.keys(ALONE), ...Object.keys(SECONDS)])
      assert.ok(CONFORMANCE.includes(name), name);
    assert.equal(new Set(QUICK).size, QUICK.length);
  });

  it("begin with the files that take longest", () => {
    const seconds = (SUITES.conformance ?? []).map(({ files }) => {
      const name = files[0]?.replace(/^test\/conformance\/|\.test\.ts$/g, "") ?? "";
      return SECONDS[name] ?? 60;
    });
    assert.deepEqual(
      seconds,
      [...seconds].sort((a, b) => b - a),
    );
  });

  it("run as one process where few tests are asked for by their titles", () => {
    const [only, ...more] = stages(["quick"], "a title");
    assert.deepEqual(more, []);
    assert.equal(only?.length, 1);
    assert.equal(only?.[0]?.files.length, QUICK.length);
  });

  it("that .ci/run has are all but the chaos suite, each once", async () => {
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const steps = [...(await readFile(join(root, ".ci/run"), "utf8")).matchAll(/^ *step npm (?:run )?(test\S*)/gm)];
    const run = steps.flatMap(([, script = ""]) =>
      (scripts[script] ?? "").replace("exec tsx sandbox/test.ts ", "").split(" "),
    );
    assert.deepEqual(
      run.sort(),
      Object.keys(SUITES)
        .filter((name) => name !== "chaos" && name !== "conformance")
        .sort(),
    );
  });
});

describe("runs beside each other", () => {
  it("are so many at a time, in their order, each in a place of its own", async () => {
    const taken = new Map<number, number>();
    const begun: number[] = [];
    let most = 0;
    await inPlaces([1, 2, 3, 4, 5, 6, 7], 3, async (item, place) => {
      assert.ok(!taken.has(place), `place ${place} is taken by ${taken.get(place)}`);
      taken.set(place, item);
      begun.push(item);
      most = Math.max(most, taken.size);
      await new Promise((resolve) => setImmediate(resolve));
      taken.delete(place);
    });
    assert.deepEqual(begun, [1, 2, 3, 4, 5, 6, 7]);
    assert.equal(most, 3);
  });

  it("have no port in common", () => {
    const ranges = ["0/3", "1/3", "2/3"].map(portRange);
    for (const [i, [lowest, highest]] of ranges.entries()) {
      assert.ok(highest - lowest > 5000);
      assert.ok(i === 0 || lowest > (ranges[i - 1]?.[1] ?? Number.NaN));
    }
    assert.deepEqual([portRange()[0], portRange()[1]], [ranges[0]?.[0], 29_999]);
    assert.ok((ranges[2]?.[1] ?? Number.NaN) <= portRange()[1]);
    for (const wrong of ["3/3", "1", "a/b"]) assert.throws(() => portRange(wrong), /TEST_PLACE/);
  });

  describe("of which some do not come to their end", () => {
    let folder = "";
    beforeEach("make a folder", async () => {
      folder = await mkdtemp(join(tmpdir(), "ops-nats-suites-"));
    });
    afterEach("remove it", () => rm(folder, { recursive: true, force: true }));

    async function ran(text: string, stop = new AbortController().signal) {
      const file = join(folder, "one.test.ts");
      await writeFile(file, text);
      const run = await mochaRun({ files: [file], seconds: 10 }, { folder, stop, place: { number: 0, of: 1 } });
      const log = (await readdir(folder)).find((name) => name.endsWith(".log")) ?? assert.fail("no log");
      return { run, log: await readFile(join(folder, log), "utf8") };
    }

    it("count what passed and what failed, and their logs say which", async () => {
      const { run, log } = await ran('it("is well", () => {}); it("is not", () => { throw new Error("of a test"); });');
      assert.deepEqual([run.passes, run.failures, run.broken], [1, 1, undefined]);
      assert.match(log, /✘ is not\n✘ +Error: of a test/);
    });

    it("count what passed and one failure when they die", async () => {
      const { run } = await ran('it("is well", () => {}); after(() => process.exit(3));');
      assert.deepEqual([run.passes, run.failures, run.broken], [1, 1, "died (exit code 3)"]);
    });

    it("end when they are told, with what they started", async () => {
      const stop = new AbortController();
      const started = join(folder, "started");
      const ended = join(folder, "ended");
      const text = `import { existsSync, writeFileSync } from "node:fs";
        process.once("exit", () => writeFileSync("${ended}", ""));
        it("hangs", () => { writeFileSync("${started}", ""); return new Promise(() => setInterval(() => {}, 1000)); });`;
      const running = ran(text, stop.signal);
      while (!(await readdir(folder)).includes("started")) await new Promise((resolve) => setTimeout(resolve, 20));
      stop.abort("ended by a test");
      const { run } = await running;
      assert.deepEqual([run.failures, run.broken], [1, "ended by a test"]);
      assert.ok((await readdir(folder)).includes("ended"));
    });
  });
});
