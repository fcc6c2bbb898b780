// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { CLIENT_PORT } from "../../../config/defaults.ts";
import { merge } from "../../../lib/merge.ts";
import { chooseChart } from "../../../sandbox/charts.ts";
import { layoutOf, stateFolder } from "../../../sandbox/cluster/layout.ts";
import { checkSandbox, downClusters, upClusters } from "../../../sandbox/cluster/sandbox.ts";
import { Kubectl } from "../../../sandbox/kubectl.ts";
import { INTERPRETER } from "../../../sandbox/toolchain/interpreter.ts";
import { toolchain } from "../../../sandbox/toolchain/toolchain.ts";
import { Workspace } from "../../../sandbox/workspace.ts";
import { shellBlocks } from "../shellBlocks.ts";
import { ServerLogs } from "./serverLogs.ts";

const STACKS = ["primary", "edge-1", "edge-2", "edge-3"] as const;
export type Stack = (typeof STACKS)[number];
type Config = Record<string, unknown>;

/** Clusters and a workspace, shared by the claims of one run; each claim first asks for the stacks that it needs. */
export interface World {
  readonly workspace: Workspace;
  readonly kubectl: Readonly<Record<Stack, Kubectl>>;
  /** Brings a stack to this configuration, on top of cluster and chart; nothing happens where it is so already. */
  ensure(stack: Stack, config?: Config): Promise<void>;
  /** Writes the configuration without applying it. */
  configure(stack: Stack, config?: Config): Promise<void>;
  /** `pulumi <args> -s stack`, all that it printed, whether it failed. */
  pulumi(stack: Stack, ...args: string[]): Promise<{ readonly failed: boolean; readonly text: string }>;
  destroy(stack: Stack): Promise<void>;
  /** Runs commands as the README shows them: in the workspace, with its tools, against one cluster. */
  shell(stack: Stack, script: string): Promise<string>;
  /** Of the tests that run now, see {@link Needs}. */
  unhurried: boolean;
  /** Every line that Pulumi printed in this run. */
  readonly printed: string[];
  /** Pods whose server was seen to have streams up to the last test, each as `primary nats-0 <uid>`: these are watched for what they drop. */
  storing(): readonly string[];
}

/** What is typed after `pulumi`, where nobody is there to say yes. */
export const UP = ["up", "--yes", "--skip-preview"] as const;

/** The guide's server, and the configuration by which a stack has it. */
export const OLD = "2.10.20";
export const old = { images: { nats: { tag: `${OLD}-alpine` } } };

/**
 * Servers end after a second of lame duck mode, not the chart's ten. Not for tests that judge what is heard live, or
 * not stored, meanwhile; what is stored is whole either way (`npm run test:chaos` has the chart's own on real clusters).
 */
const BRISK = { config: { merge: { lame_duck_grace_period: "1s" } } };

export const EVENT = (edge: string) => `ops.clusters.${edge}.namespaces.ops-system.hosts.host-1.status`;
/** Tests are clients outside: they come by the guide's port. */
const primaryDefaults: Config = {
  hosts: [layoutOf("primary").address],
  edges: ["edge-1"],
  clientPort: CLIENT_PORT,
};

let shared: Promise<World> | undefined;
let watched: ServerLogs | undefined;
/** What servers have dropped that was to be stored, each with the test in which it was. */
const dropped: string[] = [];

interface Needs {
  /** Clusters beside the primary; the first that asks in a run decides. */
  readonly edges?: 2 | 3;
  /** Servers keep the chart's lame duck period, see {@link BRISK}. */
  readonly unhurried?: boolean;
}

export async function world({ edges = 2, unhurried = false }: Needs = {}): Promise<World> {
  shared ??= build(edges);
  const w = await shared;
  w.unhurried = unhurried;
  return w;
}

async function build(edges: number): Promise<World> {
  await checkSandbox(edges);
  const tools = await toolchain();
  await downClusters(); // claims begin with nothing
  const logs = new ServerLogs(
    join(stateFolder, "server-logs"),
    Object.fromEntries(STACKS.map((stack) => [stack, join(layoutOf(stack).logs, "pods")])),
  );
  await logs.start();
  watched = logs;
  await upClusters({ edges, toolchain: tools });
  const chart = await chooseChart();
  console.log(`    (installs ${chart.told})`);
  const folder = join(stateFolder, "e2e");
  await rm(folder, { recursive: true, force: true });
  // the newest line of Node that is supported; the demo, a claim too, runs on the machine's own
  const workspace = new Workspace(folder, tools, tools.program(INTERPRETER));
  await workspace.prepare();
  const applied = new Map<Stack, string>();
  const printed: string[] = [];
  const kubectl = Object.fromEntries(
    STACKS.map((stack) => [stack, new Kubectl(tools, layoutOf(stack).kubeconfig)]),
  ) as Record<Stack, Kubectl>;
  const w: World = {
    workspace,
    unhurried: false,
    printed,
    kubectl,
    storing: () => logs.storing,
    async configure(stack, config = {}) {
      const own = {
        "kubernetes:kubeconfig": layoutOf(stack).kubeconfig,
        ...(chart.config ? { chart: chart.config } : {}),
      };
      const values = merge(w.unhurried ? {} : BRISK, (config.values ?? {}) as Config);
      const defaults = stack === "primary" ? primaryDefaults : {};
      await workspace.configure(stack, { ...own, ...defaults, ...config, values });
      applied.delete(stack);
    },
    async ensure(stack, config = {}) {
      const wanted = JSON.stringify([config, w.unhurried]);
      if (applied.get(stack) === wanted) return;
      await w.configure(stack, config);
      const { failed, text } = await w.pulumi(stack, ...UP);
      if (failed) throw new Error(`pulumi up -s ${stack} failed:\n${text}\n${await circumstances(kubectl[stack])}`);
      applied.set(stack, wanted);
    },
    async pulumi(stack, ...args) {
      const { failed, all } = await workspace.pulumi([...args, "--non-interactive", "-s", stack], { reject: false });
      const text = String(all);
      printed.push(text);
      return { failed: failed === true, text };
    },
    async destroy(stack) {
      applied.delete(stack);
      const { failed, text } = await w.pulumi(stack, "destroy", "--yes", "--skip-preview");
      // the first time there is no stack yet
      if (failed && !text.includes("no stack named")) throw new Error(`pulumi destroy -s ${stack} failed:\n${text}`);
    },
    async shell(stack, script) {
      const env = { ...workspace.env(), KUBECONFIG: layoutOf(stack).kubeconfig };
      const { all } = await execa("bash", ["-euc", script], {
        cwd: workspace.project,
        env,
        all: true,
        stdin: "ignore",
      });
      return all;
    },
  };
  return w;
}

/** What a cluster was like when something failed: a machine that is gone can be asked nothing more. */
async function circumstances(kubectl: Kubectl): Promise<string> {
  const questions = [
    ["get", "all,pvc", "-o", "wide"],
    ["get", "events", "--sort-by=.lastTimestamp"],
    ["logs", "-l", "app.kubernetes.io/instance=nats", "--all-containers", "--prefix", "--tail=20"],
  ];
  const answers = questions.map(async (args) => {
    const answer = await kubectl.run(args).catch((error: Error) => error.message);
    return `kubectl ${args.join(" ")}\n${answer.split("\n").slice(-60).join("\n")}`;
  });
  return (await Promise.all(answers)).join("\n\n");
}

async function lookForDrops(when: string): Promise<void> {
  const lines = (await watched?.drops()) ?? [];
  for (const line of lines) console.error(`    ${line}`);
  dropped.push(...lines.map((line) => `${when}: ${line}`));
}

// in every test of a run, told at once and judged at its end: a hook that fails would keep all other tests from running
afterEach("what servers say that have dropped something is looked for", function () {
  return lookForDrops(this.currentTest?.fullTitle() ?? "");
});

after("no server has dropped what it was to store, and the clusters of the run are taken down", async function () {
  this.timeout(120_000);
  try {
    await lookForDrops("at the end");
    assert.deepEqual(dropped, []);
  } finally {
    await watched?.stop();
    if (shared) await downClusters();
  }
});

const PROJECT = resolve(import.meta.dirname, "../../..");

/** README and all pages for users. */
export async function documentation(): Promise<string> {
  const folders = ["guides", "concepts", "operations", "reference"].map((name) => join(PROJECT, "docs", name));
  const pages = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).filter((f) => f.endsWith(".md")).map((f) => join(folder, f))),
  );
  const texts = [join(PROJECT, "README.md"), ...pages.flat()].map((file) => readFile(file, "utf8"));
  return (await Promise.all(texts)).join("\n");
}

/** The shell blocks below a heading of the documentation, so that what is printed there is what runs here. */
export async function blocksOf(heading: string): Promise<string[]> {
  const found = shellBlocks(await documentation(), heading);
  if (found.length === 0) throw new Error(`README.md, docs/: no shell block below the heading "${heading}"`);
  return found;
}

/** The first of them. */
export const blockOf = async (heading: string): Promise<string> => (await blocksOf(heading))[0] ?? "";

/** What is in a cluster's Secret of ours: that of `ops-system`, or where a stack has moved, the only one. */
export async function secretOf(kubectl: Kubectl): Promise<Readonly<Record<string, string>>> {
  type Secret = { metadata: { namespace: string }; data?: Record<string, string> };
  const named = ["get", "secret", "-A", "--field-selector", "metadata.name=ops-nats-auth"];
  const { items } = await kubectl.json<{ items: Secret[] }>(named);
  const found = items.filter(({ data }) => data?.["ops-nats.conf"] !== undefined);
  const [only, ...more] = found;
  const one =
    found.find(({ metadata }) => metadata.namespace === "ops-system") ?? (more.length === 0 ? only : undefined);
  const data = one?.data ?? assert.fail(`${found.length} Secrets: ${found.map(({ metadata }) => metadata.namespace)}`);
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
}

/** Name -> uid and restarts of every server pod: equal maps mean that no pod was restarted or replaced. */
export async function podIdentities(kubectl: Kubectl): Promise<Record<string, string>> {
  interface Pod {
    metadata: { name: string; uid: string };
    status: { containerStatuses: { restartCount: number }[] };
  }
  const { items } = await kubectl.json<{ items: Pod[] }>(["get", "pod", "-l", "app.kubernetes.io/component=nats"]);
  const restarts = (pod: Pod) => pod.status.containerStatuses.reduce((sum, c) => sum + c.restartCount, 0);
  return Object.fromEntries(items.map((pod) => [pod.metadata.name, `${pod.metadata.uid} ${restarts(pod)}`]));
}

/** The configuration that a stack has now, from its file. */
export async function configOf(w: World, stack: Stack): Promise<Config> {
  return (parse(await readFile(w.workspace.stackFile(stack), "utf8")) as { config: Config }).config;
}

/** The version of the server that a stack runs. */
export const versionOf = async (w: World, stack: Stack): Promise<string> =>
  (await w.kubectl[stack].monitor<{ version: string }>("nats-0", "/varz")).version;

/** Destroys every stack and types what the README has for what is left: then nothing is. */
export async function nothingLeft(w: World): Promise<void> {
  for (const stack of ["edge-2", "edge-1", "primary"] as const) {
    const there = await w.kubectl[stack].run(["get", "namespace", "--ignore-not-found", "ops-system"]);
    if (stack === "edge-2" && there === "") continue; // other suites of a run may have left one
    assert.notEqual(there, "", `nothing of ${stack} is there to be removed`);
    await w.configure(stack);
    await w.destroy(stack);
    await w.shell(stack, await blockOf("What destroy leaves"));
    assert.equal(await w.kubectl[stack].run(["get", "namespace", "--ignore-not-found", "ops-system"]), "");
  }
}
