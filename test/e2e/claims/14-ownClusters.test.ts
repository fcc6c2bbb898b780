// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { layoutOf, stateFolder } from "../../../sandbox/cluster/layout.ts";
import { leafs, until } from "../../../sandbox/kubectl.ts";
import { cross } from "../../harness/clusters/traffic.ts";
import { blockOf, configOf, EVENT, type World, world } from "../../harness/clusters/world.ts";

const PROJECT = resolve(import.meta.dirname, "../../..");
/** Of the project's folder, what is no part of the program. */
const NOT = ["bench", "docs", "node_modules", "sandbox", "test", "coverage", "package-lock.json"];

describe("the README's commands for clusters of one's own", () => {
  let w: World;
  const folder = join(stateFolder, "own");
  before(async () => {
    w = await world();
    await rm(join(stateFolder, "demo"), { recursive: true, force: true });
    for (const stack of ["edge-1", "primary"] as const) {
      await w.shell(stack, "helm uninstall nats -n ops-system --ignore-not-found --wait");
      const kinds = ["deployment", "configmap", "serviceaccount", "role", "rolebinding", "lease"];
      const ofController = kinds.map((kind) => `${kind}/nats-controller`).join(" ");
      const left = `secret/ops-nats-auth service/nats-leaf ${ofController} configmap/nats-controller-plan`;
      await w.shell(stack, `kubectl -n ops-system delete ${left} --ignore-not-found`);
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, "state"), { recursive: true });
    const files = (await readdir(PROJECT)).filter((name) => !name.startsWith(".") && !NOT.includes(name));
    for (const file of files) await cp(join(PROJECT, file), join(folder, file), { recursive: true });
    await symlink(join(PROJECT, "node_modules"), join(folder, "node_modules"));
    const { "ops-nats:chart": chart } = (await configOf(w, "primary")) as { "ops-nats:chart"?: { path: string } };
    if (chart) await relativeChart(chart.path);
  });

  /** Air-gapped, as the README has it: a chart by a relative path, in the file of the primary and in what edges share. */
  async function relativeChart(from: string): Promise<void> {
    const to = from.endsWith(".tgz") ? "chart.tgz" : "chart";
    await cp(from, join(folder, to), { recursive: true });
    for (const name of ["Pulumi.primary.yaml", "Pulumi.edge.yaml"]) {
      const file = parse(await readFile(join(folder, name), "utf8")) as { config: object };
      await writeFile(
        join(folder, name),
        stringify({ config: { ...file.config, "ops-nats:chart": { path: `./${to}` } } }),
      );
    }
  }

  const env = () => ({
    ...w.workspace.env(),
    PULUMI_BACKEND_URL: `file://${folder}/state`,
    PULUMI_CONFIG_PASSPHRASE: "own",
    KUBECONFIG: `${layoutOf("primary").kubeconfig}:${layoutOf("edge-1").kubeconfig}`,
  });

  // what is left would be another stack's to those that come after
  after(async () => {
    // the folder stays where the clean-up does not come so far: its state says what was made
    for (const stack of ["edge-1", "primary"]) {
      const command = ["destroy", "--yes", "--skip-preview", "--non-interactive", "-s", stack];
      await execa("pulumi", command, { cwd: folder, env: env(), stdin: "ignore", reject: false });
    }
  });

  it("work as printed, placeholders filled in: a kubeconfig of several files, contexts, the committed stack files", async () => {
    const block = (await blockOf("On your own clusters"))
      .replace("npm ci\n", "")
      .replace("<context of the primary>", "primary")
      .replace("<address of a node>", layoutOf("primary").address)
      .replace("<context of the edge>", "edge-1")
      .replaceAll("pulumi up", "pulumi up --yes --skip-preview --non-interactive");
    assert.doesNotMatch(block, /[<>]/, "no placeholder is left");
    const { all, failed } = await execa("bash", ["-euc", block], {
      cwd: folder,
      env: env(),
      all: true,
      reject: false,
      stdin: "ignore",
    });
    assert.ok(!failed, all);
    const { primary, "edge-1": edge } = w.kubectl;
    await until(
      "one link at the primary",
      () => leafs(primary),
      (found) => found.length === 1,
    );
    assert.deepEqual(await cross(edge, primary, EVENT("edge-1"), ["own"], { filter: "ops.>" }), ["own"]);
  });

  it("and Pulumi.edge.yaml reaches the edge: replicas of it, changed there, show in its preview", async () => {
    const shared = join(folder, "Pulumi.edge.yaml");
    const file = parse(await readFile(shared, "utf8")) as { config: object };
    await writeFile(shared, stringify({ config: { ...file.config, "ops-nats:replicas": 3 } }));
    const { all } = await execa("pulumi", ["preview", "--diff", "--non-interactive", "-s", "edge-1"], {
      cwd: folder,
      env: env(),
      all: true,
      stdin: "ignore",
    });
    assert.match(all, /replicas *: 3/);
  });
});
