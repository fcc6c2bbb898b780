// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { merge } from "../../lib/merge.ts";
import { describeDifference, differences, type Rendering, renderChart } from "../harness/chart.ts";
import { VALUE_SETS as CHART_SETS, type ValueSet } from "../harness/chartValues.ts";
import { PROGRAM_SETS } from "../harness/programValues.ts";

const VALUE_SETS = [...CHART_SETS, ...PROGRAM_SETS];

const standIn = fileURLToPath(new URL("../../sandbox/chart", import.meta.url));
const official = process.env.NATS_CHART ? resolve(process.env.NATS_CHART) : undefined;
const releases = ["nats", "my-nats", "events"];

/** Values that the stand-in has to refuse, and what its message has to name. */
const REFUSED: readonly (ValueSet & { readonly message: RegExp })[] = [
  { name: "a key that no chart reads", values: { config: { nonsense: 1 } }, message: /config.*nonsense/ },
  { name: "config.cluster.name", values: { config: { cluster: { name: "x" } } }, message: /config\/cluster.*name/ },
  { name: "a key of the official chart alone", values: { nameOverride: "x" }, message: /nameOverride/ },
  {
    name: "a patch that replaces",
    values: { container: { patch: [{ op: "replace", path: "/volumeMounts/-", value: {} }] } },
    message: /container\/patch\/0\/op/,
  },
  {
    name: "a patch at another place",
    values: { podTemplate: { patch: [{ op: "add", path: "/spec/containers/-", value: {} }] } },
    message: /podTemplate\/patch\/0\/path/,
  },
  { name: "templates in values", values: { config: { merge: { a: { $tplYaml: "x" } } } }, message: /\$tplYaml/ },
  {
    name: "an environment value that is a number",
    values: { container: { env: { A: 1 } } },
    message: /container\/env\/A/,
  },
];

describe(`stand-in chart, ${official ? `beside ${official}` : "alone (NATS_CHART names no official chart to compare it with)"}`, function () {
  this.timeout(120_000);
  let helm = "";
  before(async () => {
    helm = process.env.OPS_NATS_HELM ?? (await builtHelm());
    if (official) await assertOfficial(helm, official);
  });

  for (const release of releases) {
    for (const { name, values } of VALUE_SETS) {
      it(`${official ? "yields the same objects" : "renders"}: ${name}, release ${release}`, async () => {
        const ours = await renderChart(helm, standIn, values, { release });
        assertWhole(ours, release);
        if (official) assertEqual(await renderChart(helm, official, values, { release }), ours);
      });
    }
  }

  it("a difference is reported, whatever kind it is of", async () => {
    const values = VALUE_SETS.find(({ name }) => name === "a primary with a claim of a size and a class")?.values;
    const theirs = await renderChart(helm, official ?? standIn, values);
    assertEqual(theirs, await renderChart(helm, standIn, values));
    for (const [path, change] of ALTERATIONS) {
      const altered = structuredClone(new Map(theirs)) as Map<string, Tree>;
      change(altered);
      assert.deepEqual(
        differences(theirs, altered).map((difference) => difference.path),
        [path],
      );
    }
  });

  // charts since 2.12.4 have it off by default: nothing rolls the pods then when nats.conf changes
  it("rolls the pods with what the program sets, also where that is not the chart's default", async () => {
    const chart = await mkdtemp(join(tmpdir(), "ops-nats-chart-"));
    try {
      await cp(standIn, chart, { recursive: true });
      const defaults = await readFile(join(chart, "values.yaml"), "utf8");
      assert.match(defaults, /configChecksumAnnotation: true/);
      await writeFile(
        join(chart, "values.yaml"),
        defaults.replace("configChecksumAnnotation: true", "configChecksumAnnotation: false"),
      );
      assert.equal(checksum(await renderChart(helm, chart, {})), undefined);
      for (const { name, values } of PROGRAM_SETS) {
        const sum = checksum(await renderChart(helm, chart, values));
        assert.match(sum ?? "", /^[0-9a-f]{64}$/, name);
        const changed = merge(values, { config: { merge: { max_payload: 1 } } });
        assert.notEqual(checksum(await renderChart(helm, chart, changed)), sum, name);
      }
    } finally {
      await rm(chart, { recursive: true });
    }
  });

  for (const { name, values, message } of REFUSED) {
    it(`refuses ${name}`, () => assert.rejects(renderChart(helm, standIn, values), message));
  }

  it(`starts nats-box with the mounted contexts${official ? ", as the official chart does" : ""}`, async () => {
    for (const chart of official ? [standIn, official] : [standIn]) {
      for (const context of [undefined, "mine"]) {
        const done = { contexts: "/etc/nats-contexts", context: context ?? "default", args: "here: sh -ec echo a b" };
        assert.deepEqual(await startBox(await renderChart(helm, chart, {}), context), done, chart);
      }
    }
  });
});

/** biome-ignore lint/suspicious/noExplicitAny: rendered objects are altered at will, as nobody's type */
type Tree = any;

/** By which the servers' pods change with nats.conf. */
const checksum = (objects: Rendering): string | undefined =>
  (objects.get("StatefulSet/nats") as Tree).spec.template.metadata.annotations?.["checksum/config"];

/** Changes of a rendering, each with the one path at which it has to be seen. */
const ALTERATIONS: readonly (readonly [string, (objects: Map<string, Tree>) => void])[] = [
  ["Service/nats/spec/ports/0/nodePort", (objects) => (objects.get("Service/nats").spec.ports[0].nodePort += 1)],
  [
    "Service/nats-headless/spec/publishNotReadyAddresses",
    (o) => delete o.get("Service/nats-headless").spec.publishNotReadyAddresses,
  ],
  [
    "ConfigMap/nats-config/data/nats.conf/ping_max",
    (o) => (o.get("ConfigMap/nats-config").data["nats.conf"].ping_max = "2"),
  ],
  [
    "ConfigMap/nats-config/data/nats.conf/jetstream/max_file_store/bare",
    (o) => (o.get("ConfigMap/nats-config").data["nats.conf"].jetstream.max_file_store.bare = "8Gi"),
  ],
  ["StatefulSet/nats/spec/template/spec/volumes/2", (o) => o.get("StatefulSet/nats").spec.template.spec.volumes.pop()],
  [
    "StatefulSet/nats/spec/template/spec/containers/1/args/6",
    (o) => o.get("StatefulSet/nats").spec.template.spec.containers[1].args.push("-x"),
  ],
  ["PodDisruptionBudget/nats", (o) => o.delete("PodDisruptionBudget/nats")],
  ["Secret/more", (o) => o.set("Secret/more", {})],
];

function assertEqual(theirs: Rendering, ours: Rendering): void {
  assert.deepEqual(differences(theirs, ours).map(describeDifference), []);
}

/** The names by which everything else finds these objects. */
function assertWhole(objects: Rendering, release: string): void {
  const name = release.includes("nats") ? release : `${release}-nats`;
  for (const key of [
    `StatefulSet/${name}`,
    `Service/${name}`,
    `Service/${name}-headless`,
    `ConfigMap/${name}-config`,
  ]) {
    assert.ok(objects.has(key), `${key} is missing among ${[...objects.keys()].join(", ")}`);
  }
}

async function builtHelm(): Promise<string> {
  const { toolchain } = await import("../../sandbox/toolchain/toolchain.ts");
  return (await toolchain()).program("helm");
}

/** A comparison of the stand-in with itself, or with another version, would prove nothing. */
async function assertOfficial(helm: string, chart: string): Promise<void> {
  const { stdout } = await execa(helm, ["show", "chart", chart]);
  assert.doesNotMatch(stdout, /ops-nats\/stand-in/, `NATS_CHART=${chart} is the stand-in itself`);
  assert.match(stdout, /^name: nats$/m, `NATS_CHART=${chart}`);
  assert.match(stdout, /^version: 1\.2\.4$/m, `NATS_CHART=${chart}: another version than the stand-in's`);
}

/** Runs the start script of nats-box in a folder of its own and tells what it left and what it started. */
async function startBox(objects: Rendering, context?: string): Promise<object> {
  const [shell, flags, script, ...rest] = (objects.get("Deployment/nats-box") as Tree).spec.template.spec.containers[0]
    .command;
  const home = await mkdtemp(join(tmpdir(), "ops-nats-box-"));
  try {
    const settings = join(home, "config", "nats");
    await writeFile(join(home, "entrypoint.sh"), '#!/bin/sh\necho "here: $*"\ntest "$(pwd)" = "$START"\n', {
      mode: 0o755,
    });
    if (context !== undefined)
      await execa("sh", ["-ec", 'mkdir -p "$1"; printf %s "$2" > "$1/context.txt"', "--", settings, context]);
    const moved = script.replace("/entrypoint.sh", join(home, "entrypoint.sh"));
    const env = { XDG_CONFIG_HOME: join(home, "config"), START: home };
    const { stdout } = await execa(shell, [flags, moved, ...rest, "sh", "-ec", "echo a b"], { cwd: home, env });
    const [contexts, name] = await Promise.all([
      readlink(join(settings, "context")),
      readFile(join(settings, "context.txt"), "utf8"),
    ]);
    return { contexts, context: name, args: stdout };
  } finally {
    await rm(home, { recursive: true });
  }
}
