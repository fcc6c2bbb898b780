// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { parseArgs } from "node:util";
import { Listr } from "listr2";
import { type ClusterStatus, checkSandbox, clusterStatus, downClusters, upClusters } from "./cluster/sandbox.ts";

const usage = `npm run sandbox -- up [--edges N]   Kubernetes clusters on this machine: primary and edge-1 to edge-N (1 unless told)
npm run sandbox -- status           what is there, and where
npm run sandbox -- down             remove all of it`;

/** Shows the steps of one task as they come; without a terminal, a line for each. */
async function show(title: string, work: (report: (text: string) => void) => Promise<unknown>): Promise<void> {
  const tasks = new Listr(
    [
      {
        title,
        task: (_, task) =>
          work((text) => {
            task.output = text;
          }),
      },
    ],
    {
      rendererOptions: { collapseSubtasks: false },
    },
  );
  await tasks.run();
}

async function up(edges: number): Promise<void> {
  await checkSandbox(edges);
  const { toolchain } = await import("./toolchain/toolchain.ts");
  const tools = await toolchain();
  await show(`Clusters: primary and ${edges} ${edges === 1 ? "edge" : "edges"}`, (report) =>
    upClusters({ edges, toolchain: tools, report }),
  );
  await status();
}

async function status(): Promise<void> {
  const clusters = await clusterStatus();
  if (clusters.length === 0) return console.log("No cluster of the sandbox is there. Make some: npm run sandbox -- up");
  console.log(table(clusters));
}

function table(clusters: readonly ClusterStatus[]): string {
  const rows = clusters.map(({ name, node, address, kubeconfig, memory, logs }) => [
    name,
    node,
    address,
    `${Math.round(memory / 1e6)} MB`,
    kubeconfig,
    logs,
  ]);
  const all = [["cluster", "node", "address", "memory", "kubeconfig", "logs"], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { edges: { type: "string" } } });
  const [command, ...rest] = positionals;
  if (rest.length > 0) throw new Error(`unexpected: ${rest.join(" ")}\n${usage}`);
  if (values.edges !== undefined && command !== "up") throw new Error(`--edges goes with up\n${usage}`);
  if (command === "up") await up(Number(values.edges ?? 1));
  else if (command === "down") await show("Taking the clusters down", downClusters);
  else if (command === "status") await status();
  else throw new Error(`expected up, down or status, got ${command ?? "nothing"}\n${usage}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
