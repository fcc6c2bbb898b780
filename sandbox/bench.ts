// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { chooseChart } from "./charts.ts";
import { layoutOf, stateFolder } from "./cluster/layout.ts";
import { clusterStatus, downClusters, upClusters } from "./cluster/sandbox.ts";
import { Kubectl, until } from "./kubectl.ts";
import { KUBERNETES_VERSION, PULUMI_VERSION } from "./toolchain/pins.ts";
import { type Toolchain, toolchain } from "./toolchain/toolchain.ts";
import { Workspace } from "./workspace.ts";

const PROJECT = resolve(import.meta.dirname, "..");
const FOLDER = join(stateFolder, "bench");
const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const SUBJECT = "ops.clusters.edge-1.namespaces.ops-system.hosts.host-1.status";
const GUIDE = { nats: "2.10.20-alpine", box: "0.14.5", reloader: "0.15.1" };

const OFFICIAL = ["nats", "--repo", "https://nats-io.github.io/k8s/helm/charts/", "--version", "1.2.4"];

const primary = layoutOf("primary");
const edge = layoutOf("edge-1");

interface Bench {
  readonly tools: Toolchain;
  readonly workspace: Workspace;
  /** As helm takes it: a path, or a name and where it is found. */
  readonly chart: readonly string[];
  readonly config: Record<string, unknown>;
  readonly at: { readonly primary: Kubectl; readonly edge: Kubectl };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
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

/** The guide: two values files, helm install, kubectl patch, helm install, wait. */
async function byGuide(b: Bench): Promise<number> {
  const image = (tag: string, repository: string) => ({ image: { repository, tag } });
  const shared = {
    container: image(GUIDE.nats, "nats"),
    natsBox: { container: image(GUIDE.box, "natsio/nats-box") },
    reloader: { enabled: true, ...image(GUIDE.reloader, "natsio/nats-server-config-reloader") },
  };
  const login = { user: "leafuser", password: "leafpassword" };
  const sys = { accounts: { SYS: { users: [{ user: "admin", password: "adminpassword" }] } }, system_account: "SYS" };
  const atPrimary = {
    config: { cluster: { enabled: true }, leafnodes: { enabled: true, merge: { authorization: login } }, merge: sys },
    ...shared,
  };
  const url = `nats://leafuser:leafpassword@${primary.address}:32222`;
  const atEdge = { config: { leafnodes: { enabled: true, merge: { remotes: [{ urls: [url] }] } } }, ...shared };
  const install = async (kubectl: Kubectl, name: string, values: object) => {
    const file = join(FOLDER, `${name}.yaml`);
    await writeFile(file, stringify(values));
    await execa(b.tools.program("helm"), [
      "install",
      "nats",
      ...b.chart,
      "-f",
      file,
      "-n",
      "ops-system",
      "--kubeconfig",
      kubectl.kubeconfig,
    ]);
  };
  const ports = [
    { port: 4222, nodePort: 32223, targetPort: "nats" },
    { port: 7422, nodePort: 32222, targetPort: "leafnodes" },
  ];
  const seconds = await timed(async () => {
    await install(b.at.primary, "primary", atPrimary);
    await b.at.primary.run(["patch", "svc", "nats", "-p", JSON.stringify({ spec: { type: "NodePort", ports } })]);
    await install(b.at.edge, "edge", atEdge);
    for (const k of [b.at.primary, b.at.edge])
      await k.run(["rollout", "status", "statefulset/nats", "--timeout", "180s"], { timeout: 200_000 });
    await firstEvent(b);
  });
  for (const k of [b.at.edge, b.at.primary])
    await execa(b.tools.program("helm"), [
      "uninstall",
      "nats",
      "-n",
      "ops-system",
      "--kubeconfig",
      k.kubeconfig,
      "--wait",
    ]);
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

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const median = (numbers: readonly number[]) => sorted(numbers)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const spread = (numbers: readonly number[], digits: number) => {
  const all = sorted(numbers).map((n) => n.toFixed(digits));
  return `${median(numbers).toFixed(digits)} (${all[0]} to ${all.at(-1)})`;
};
const met = (measured: number, most: number) => (measured <= most ? "met" : "**missed**");
const ratios = (a: readonly number[], b: readonly number[]) => a.map((n, i) => n / (b[i] ?? Number.NaN));

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
  const b: Bench = { tools, workspace, chart: chosen.config ? [chosen.config.path] : OFFICIAL, config, at };
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
  const cpu = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const table = `# Figures

Written by \`npm run bench\` (${RUNS} runs each; previews ${RUNS + 2}), median (lowest to highest). Ratios are of pairs taken side by side in one run.
Machine: ${cpu}, Node ${process.version}. Pulumi ${PULUMI_VERSION}, Kubernetes ${KUBERNETES_VERSION}, ${chosen.told}; program: nats 2.14.9, guide: nats 2.10.20.

| what | at most | measured | |
| --- | --- | --- | --- |
| \`pulumi up -s primary\` to the event across, ratio to the guide by hand | 1.5 | ${spread(ratios(program, guide), 2)}: ${spread(program, 1)} s against ${spread(guide, 1)} s | ${met(median(ratios(program, guide)), 1.5)} |
| preview with no change, ratio to starting Node with the two SDKs imported | 3 | ${spread(ratios(previews, nodes), 2)}: ${spread(previews, 2)} s against ${spread(nodes, 2)} s | ${met(median(ratios(previews, nodes)), 3)} |
| warm \`npm run demo\`, from no clusters to the event | 60 s | ${spread(demo, 1)} s | ${met(median(demo), 60)} |
| memory of a cluster with a primary of three (PSS, pods included) | 1.2 GB | ${(memory / 1e9).toFixed(2)} GB | ${met(memory / 1e9, 1.2)} |
`;
  await writeFile(join(PROJECT, "docs/figures.md"), table);
  console.log(await readFile(join(PROJECT, "docs/figures.md"), "utf8"));
}

await main();
