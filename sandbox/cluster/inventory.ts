// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { hierarchies } from "./cgroup.ts";
import { run } from "./command.ts";
import { daemons } from "./daemon.ts";
import { runFolder, stateFolder } from "./layout.ts";
import { mountPoints } from "./mounts.ts";

/** What a sandbox could leave on a machine, so that two moments can be compared. Other work on the machine does not count. */
export interface Inventory {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly namespaces: readonly string[];
  readonly links: readonly string[];
  readonly firewall: readonly string[];
  readonly cgroups: readonly string[];
  readonly settings: readonly string[];
  readonly folders: readonly string[];
}

export async function inventory(): Promise<Inventory> {
  return {
    processes: await processes(),
    mounts: (await mountPoints()).map(({ path, type }) => `${path} ${type}`).sort(),
    namespaces: (await readdir("/run/netns").catch(() => [])).sort(),
    links: (JSON.parse(await run("ip", ["-json", "link", "show"])) as { ifname: string }[])
      .map(({ ifname }) => ifname)
      .sort(),
    firewall: await firewall(),
    cgroups: await cgroups(),
    settings: await settings(),
    folders: [
      "/run/netns",
      "/run/containerd",
      "/tmp/hostpath_pv",
      "/var/lib/cni",
      "/var/lib/kubelet",
      "/var/log/containers",
      "/var/log/pods",
      runFolder,
    ].filter(existsSync),
  };
}

const programs: ReadonlySet<string> = new Set([
  ...daemons,
  "containerd-shim-runc-v2",
  "runc",
  "ctr",
  "unshare",
  "nsenter",
  "nats-server",
]);

/** Processes that run one of our programs, live in another network or process namespace than this one, or name our folders. */
async function processes(): Promise<string[]> {
  const own = await Promise.all(["net", "pid"].map((kind) => readlink(`/proc/self/ns/${kind}`)));
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = pids.map(async (pid) => {
    const spaces = await Promise.all(
      ["net", "pid"].map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => undefined)),
    );
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0").join(" ").trim();
    // Kernel threads and those that have just ended have neither.
    if (spaces.includes(undefined) || command === "") return [];
    const elsewhere = spaces.some((space, i) => space !== own[i]);
    const known =
      programs.has(basename(command.split(" ")[0] ?? "")) ||
      command.includes(`${stateFolder}/`) ||
      command.includes(`${runFolder}/`);
    return elsewhere || known ? [`${pid} ${command.slice(0, 200)}`] : [];
  });
  return (await Promise.all(lines)).flat().sort();
}

/** Rules, and chains with what they do when none fits; an empty table that was never used is no difference. */
async function firewall(): Promise<string[]> {
  const lines = (await run("iptables-save", [])).split("\n");
  const plain = lines.map((line) => line.replace(/ \[\d+:\d+\]$/, ""));
  return plain.filter((line) => line.startsWith("-") || (line.startsWith(":") && !line.endsWith(" ACCEPT"))).sort();
}

/** The first level of each hierarchy, and all of ours. */
async function cgroups(): Promise<string[]> {
  const { roots } = await hierarchies();
  const folders = async (path: string, recursive: boolean): Promise<string[]> => {
    const entries = await readdir(path, { withFileTypes: true, recursive }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  };
  const lists = await Promise.all(
    roots.flatMap((root) => [folders(root, false), folders(join(root, "opsnats"), true)]),
  );
  return lists.flat().sort();
}

/** Settings of the whole host that Kubernetes likes to change. */
async function settings(): Promise<string[]> {
  const names = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
  ];
  return Promise.all(
    names.map(
      async (name) => `${name} = ${(await readFile(`/proc/sys/${name}`, "utf8").catch(() => "absent")).trim()}`,
    ),
  );
}
