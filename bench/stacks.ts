// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { DEFAULT_IMAGES } from "../config/defaults.ts";
import { type Hands, installByGuide, OFFICIAL, uninstallByGuide } from "../sandbox/byGuide.ts";
import { chooseChart } from "../sandbox/charts.ts";
import { layoutOf, stateFolder } from "../sandbox/cluster/layout.ts";
import { clusterStatus, downClusters, upClusters } from "../sandbox/cluster/sandbox.ts";
import { Kubectl, until } from "../sandbox/kubectl.ts";
import { machine, median, met, ratios, spread, timed } from "../sandbox/statistics.ts";
import { KUBERNETES_VERSION, PULUMI_VERSION } from "../sandbox/toolchain/pins.ts";
import { toolchain } from "../sandbox/toolchain/toolchain.ts";
import { Workspace } from "../sandbox/workspace.ts";

const PROJECT = resolve(import.meta.dirname, "..");
const FOLDER = join(stateFolder, "bench");
const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const SUBJECT = "ops.clusters.edge-1.namespaces.ops-system.hosts.host-1.status";
const primary = layoutOf("primary");
const edge = layoutOf("edge-1");

interface Bench extends Hands {
  readonly workspace: Workspace;
}

/** Publishes at the edge until a subscriber at the primary has got one. Seconds are counted by the caller. */
async function firstEvent({ at }: Bench): Promise<void> {
  await until(
    "nats-box at the primary",
    () => at.primary.box(["true"]),
    () => true,
    120,
  );
  const subscriber = at.primary.start([
    "exec",
    "deployment/nats-box",
    "--",
    "nats",
    "sub",
    "ops.>",
    "--count",
    "1",
    "--raw",
  ]);
  let text = "";
  subscriber.all?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  try {
    await until(
      "the event",
      async () => {
        await at.edge.box(["nats", "pub", SUBJECT, "event"]);
        return text;
      },
      (seen) => seen.includes("event"),
      120,
    );
  } finally {
    subscriber.kill();
  }
}

const removed = ({ at }: Bench) =>
  Promise.all(
    [at.primary, at.edge].map((k) =>
      until(
        "the pods to go",
        () => k.run(["get", "pod", "-o", "name"]),
        (text) => text === "",
        120,
      ),
    ),
  );

async function byProgram(b: Bench): Promise<number> {
  const up = async (stack: string) => void (await b.workspace.pulumi(["up", "--yes", "--skip-preview", "-s", stack]));
  const seconds = await timed(async () => {
    await up("primary");
    await up("edge-1");
    await firstEvent(b);
  });
  return seconds;
}

async function programOnce(b: Bench, run: number): Promise<number> {
  const seconds = await byProgram(b);
  if (run === RUNS - 1) memory = (await clusterStatus()).find(({ name }) => name === "primary")?.memory ?? Number.NaN;
  await destroyed(b);
  return seconds;
}

let memory = Number.NaN;

async function destroyed(b: Bench): Promise<void> {
  for (const stack of ["edge-1", "primary"])
    await b.workspace.pulumi(["destroy", "--yes", "--skip-preview", "-s", stack]);
  await removed(b);
}

async function byGuide(b: Bench): Promise<number> {
  const seconds = await timed(async () => {
    await installByGuide(b);
    await firstEvent(b);
  });
  await uninstallByGuide(b);
  await removed(b);
  return seconds;
}

const preview = (b: Bench) => timed(() => b.workspace.pulumi(["preview", "--expect-no-changes", "-s", "primary"]));
const imports = 'await import("@pulumi/pulumi"); await import("@pulumi/kubernetes");';
const startNode = () => timed(() => execa("node", ["--input-type=module", "-e", imports], { cwd: PROJECT }));

async function warmDemo(): Promise<number> {
  await downClusters();
  return timed(() => execa("npm", ["run", "demo"], { cwd: PROJECT }));
}

async function main(): Promise<void> {
  const tools = await toolchain();
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  const chosen = await chooseChart();
  const demo: number[] = [];
  for (let run = 0; run < RUNS; run++) demo.push(await warmDemo());
  await downClusters();
  await upClusters({ edges: 1, toolchain: tools });
  const workspace = new Workspace(FOLDER, tools);
  await workspace.prepare();
  const config = chosen.config ? { chart: chosen.config } : {};
  const at = { primary: new Kubectl(tools, primary.kubeconfig), edge: new Kubectl(tools, edge.kubeconfig) };
  const chart = chosen.config ? [chosen.config.path] : OFFICIAL;
  const b: Bench = { tools, workspace, folder: FOLDER, chart, at };
  await workspace.configure("primary", {
    "kubernetes:kubeconfig": primary.kubeconfig,
    ...config,
    hosts: [primary.address],
    edges: ["edge-1"],
  });
  await workspace.configure("edge-1", { "kubernetes:kubeconfig": edge.kubeconfig, ...config });
  for (const k of [at.primary, at.edge]) await k.run(["create", "namespace", "ops-system"]);
  const [program, guide]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    // in turn, so that neither always finds the warmer machine
    const byOrder = [async () => guide.push(await byGuide(b)), async () => program.push(await programOnce(b, run))];
    for (const one of run % 2 === 0 ? byOrder : byOrder.reverse()) await one();
    console.log(
      `run ${run + 1} of ${RUNS}: guide ${guide.at(-1)?.toFixed(1)} s, program ${program.at(-1)?.toFixed(1)} s`,
    );
  }
  await byProgram(b); // previews are of a stack that stands
  const [previews, nodes]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS + 2; run++) {
    nodes.push(await startNode());
    previews.push(await preview(b));
  }
  await downClusters();
  const table = `# Figures

Written by \`npm run bench\` (${RUNS} runs each; previews ${RUNS + 2}), median (lowest to highest). Ratios are of pairs taken side by side in one run.
Machine: ${machine()}, Node ${process.version}. Pulumi ${PULUMI_VERSION}, Kubernetes ${KUBERNETES_VERSION}, ${chosen.told}; program: nats ${DEFAULT_IMAGES.nats.tag}, guide: nats 2.10.20.

| what | at most | measured | |
| --- | --- | --- | --- |
| \`pulumi up -s primary\` to the event across, ratio to the guide by hand | 1.5 | ${spread(ratios(program, guide), 2)}: ${spread(program, 1)} s against ${spread(guide, 1)} s | ${met(median(ratios(program, guide)), 1.5)} |
| preview with no change, ratio to starting Node with the two SDKs imported | 3 | ${spread(ratios(previews, nodes), 2)}: ${spread(previews, 2)} s against ${spread(nodes, 2)} s | ${met(median(ratios(previews, nodes)), 3)} |
| warm \`npm run demo\`, from no clusters to the event | 60 s | ${spread(demo, 1)} s | ${met(median(demo), 60)} |
| memory of a cluster with a primary of three (PSS, pods included) | 1.2 GB | ${(memory / 1e9).toFixed(2)} GB | ${met(memory / 1e9, 1.2)} |
`;
  await writeFile(join(PROJECT, "docs/benchmarks/figures.md"), table);
  console.log(await readFile(join(PROJECT, "docs/benchmarks/figures.md"), "utf8"));
}

await main();
