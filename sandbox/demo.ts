// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Listr, PRESET_TIMER } from "listr2";
import { type ChosenChart, chooseChart } from "./charts.ts";
import { layoutOf, stateFolder } from "./cluster/layout.ts";
import { checkSandbox, upClusters } from "./cluster/sandbox.ts";
import { Kubectl, type Leaf, leafs, until } from "./kubectl.ts";
import { type Toolchain, toolchain } from "./toolchain/toolchain.ts";
import { Workspace } from "./workspace.ts";

const FOLDER = join(stateFolder, "demo");
const LOG = join(FOLDER, "demo.log");
const SUBJECT = "ops.clusters.edge-1.namespaces.ops-system.hosts.host-1.status";

interface Demo {
  tools: Toolchain;
  chart: ChosenChart;
  workspace: Workspace;
  primary: Kubectl;
  edge: Kubectl;
  published: string;
  received: string;
  links: { primary: Leaf[]; edge: Leaf[] };
}

const primary = layoutOf("primary");
const edge = layoutOf("edge-1");

const telling = (task: { output: string }) => (text: string) => {
  task.output = text;
};

/** The main job, told step by step: two clusters, two `pulumi up`, one event from the edge to the primary. */
async function demo(): Promise<void> {
  const started = Date.now();
  await mkdir(FOLDER, { recursive: true });
  await writeFile(LOG, "");
  const steps = new Listr<Demo>(
    [
      {
        title: "Programs: found, or built once",
        task: async (d, task) => {
          await checkSandbox(1);
          d.tools = await toolchain(telling(task));
        },
      },
      {
        title: "Two Kubernetes clusters: primary and edge-1",
        task: async (d, task) => {
          d.primary = new Kubectl(d.tools, primary.kubeconfig);
          d.edge = new Kubectl(d.tools, edge.kubeconfig);
          await upClusters({ edges: 1, toolchain: d.tools, report: telling(task) });
        },
      },
      { title: "A Pulumi workspace: stack files, state, passphrase", task: prepare },
      { title: "pulumi up -s primary", task: (d, task) => up(d, "primary", telling(task)) },
      { title: "pulumi up -s edge-1", task: (d, task) => up(d, "edge-1", telling(task)) },
      { title: "The leaf link stands", task: linked },
      { title: "An event published at edge-1 arrives at the primary", task: event },
    ],
    {
      rendererOptions: { timer: PRESET_TIMER, collapseSubtasks: false },
      fallbackRendererOptions: { timer: PRESET_TIMER },
    },
  );
  const result = await steps.run({} as Demo);
  console.log(await story(result, Math.round((Date.now() - started) / 1000)));
}

async function prepare(d: Demo): Promise<void> {
  // state of clusters that are gone is of no use to new ones
  const identity = await d.primary.run(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
  const marker = join(FOLDER, "cluster");
  if ((await readFile(marker, "utf8").catch(() => "")) !== identity) {
    for (const part of ["project", "state"]) await rm(join(FOLDER, part), { recursive: true, force: true });
  }
  d.chart = await chooseChart();
  d.workspace = new Workspace(FOLDER, d.tools);
  await d.workspace.prepare();
  await writeFile(marker, identity);
  const shared = { ...(d.chart.config ? { chart: d.chart.config } : {}) };
  const stack = (kubeconfig: string, own: Record<string, unknown>) => ({
    "kubernetes:kubeconfig": kubeconfig,
    ...shared,
    ...own,
  });
  // a cluster of one node: its three servers are meant to share it
  const spread = { "kubernetes.io/hostname": { whenUnsatisfiable: "ScheduleAnyway" } };
  const values = { podTemplate: { topologySpreadConstraints: spread } };
  const keys = { hosts: [primary.address], edges: ["edge-1"], values };
  await d.workspace.configure("primary", stack(primary.kubeconfig, keys));
  await d.workspace.configure("edge-1", stack(edge.kubeconfig, {}));
}

async function up({ workspace }: Demo, stack: string, report: (text: string) => void): Promise<void> {
  const run = workspace.pulumi(["up", "-s", stack, "--yes", "--skip-preview", "--non-interactive"], { reject: false });
  run.all?.on("data", (chunk: Buffer) => {
    const line = chunk.toString().trim().split("\n").at(-1);
    if (line) report(line);
  });
  const { failed, all } = await run;
  await appendFile(LOG, `${all}\n`);
  if (failed)
    throw new Error(
      `pulumi up -s ${stack} failed; the whole log is ${LOG}, its end:\n${String(all).split("\n").slice(-15).join("\n")}`,
    );
}

async function linked(d: Demo): Promise<void> {
  const one = (found: Leaf[]) => found.length === 1;
  const [atPrimary, atEdge] = await Promise.all([
    until("one leaf link at the primary", () => leafs(d.primary), one),
    until("one leaf link at the edge", () => leafs(d.edge), one),
  ]);
  d.links = { primary: atPrimary, edge: atEdge };
}

async function event(d: Demo): Promise<void> {
  const data = JSON.stringify({ host: "host-1", status: "ready", at: new Date().toISOString() });
  d.published = `nats pub ${SUBJECT} '${data}'`;
  const subscriber = d.primary.start(["exec", "deployment/nats-box", "--", "nats", "sub", "ops.>", "--count", "1"]);
  try {
    await until(
      "interest of the primary at the edge",
      () => d.edge.monitor<{ leafs?: { subscriptions_list?: string[] }[] }>("nats-0", "/leafz?subs=1"),
      (page) => JSON.stringify(page).includes("ops.clusters.edge-1."),
    );
    await d.edge.box(["nats", "pub", SUBJECT, data]);
    const timer = setTimeout(() => subscriber.kill(), 20_000);
    const { all } = await subscriber;
    clearTimeout(timer);
    d.received = String(all).trim();
    if (!d.received.includes(data))
      throw new Error(`expected the event ${data} at the primary; nats sub printed:\n${d.received}`);
  } finally {
    subscriber.kill();
  }
}

const told = (at: string, { name, account, ip, port, rtt }: Leaf) =>
  `  /leafz at ${at}: link to ${name}, account ${account}, ${ip}:${port}, round trip ${rtt}`;

async function story(d: Demo, seconds: number): Promise<string> {
  const indented = (text: string) =>
    text
      .split("\n")
      .map((line) => `    ${line}`)
      .join("\n");
  const env = Object.entries(d.workspace.env()).map(([k, v]) => `export ${k}='${v}'`);
  const file = join(FOLDER, "env");
  await writeFile(file, `${env.join("\n")}\n`, { mode: 0o600 });
  return `
At edge-1:
    ${d.published}
At the primary, nats sub 'ops.>':
${indented(d.received)}

${seconds} s from start to event, with ${d.chart.told}.
Both ends of the link:
${d.links.primary.map((leaf) => told("the primary", leaf)).join("\n")}
${d.links.edge.map((leaf) => told("edge-1", leaf)).join("\n")}

Kubeconfigs (kubectl, k9s): ${primary.kubeconfig}
                            ${edge.kubeconfig}
Log of both runs:           ${LOG}

What to try next:
    . ${file} && cd ${d.workspace.project}        # pulumi, kubectl, nats and helm for this demo
    pulumi stack output -s primary
    pulumi preview -s primary
    kubectl --kubeconfig ${edge.kubeconfig} -n ops-system exec -it deployment/nats-box -- sh
    npm run sandbox -- status                   # in the project's folder
How to take it all down:
    npm run sandbox -- down`;
}

demo().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
