// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { cgroupPids, daemonsFile } from "./cgroup.ts";
import { run } from "./command.ts";
import type { ClusterLayout } from "./layout.ts";
import { ensureFolder } from "./mounts.ts";
import { identify, type ProcessIdentity, readPidFile, writePidFile } from "./process.ts";
import { until } from "./wait.ts";

/**
 * What a cluster's programs take for their machine: namespaces for network, mounts and processes of their own. Its
 * first process is the one to end: all others go with it, and with them every mount.
 */
export interface Machine {
  readonly layout: ClusterLayout;
  readonly process: ProcessIdentity;
  /** Folder of programs that comes first on PATH. */
  readonly bin: string;
}

/** Paths that programs have built in, and where they lead inside the machine. */
function privateFolders({ folder, run: runs }: ClusterLayout): Readonly<Record<string, string>> {
  return {
    "/run/containerd": join(runs, "shims"),
    "/tmp/hostpath_pv": join(folder, "volumes"),
    "/var/lib/cni": join(folder, "cni-state"),
    "/var/lib/kubelet": join(folder, "kubelet"),
    "/var/log/containers": join(folder, "logs/containers"),
  };
}

/** The kubelet sets these for the whole host if they differ; it finds them set, in files of ours. */
const tunables: Readonly<Record<string, string>> = {
  "vm/overcommit_memory": "1",
  "vm/panic_on_oom": "0",
  "kernel/panic": "10",
  "kernel/panic_on_oops": "1",
  "kernel/keys/root_maxkeys": "1000000",
  "kernel/keys/root_maxbytes": "25000000",
};

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

async function firstProcess(layout: ClusterLayout): Promise<string> {
  const lines = ["set -e", "mount --make-rshared /", "umount -l /run/netns/* 2>/dev/null || true"];
  for (const [path, source] of Object.entries(privateFolders(layout))) {
    await ensureFolder(path);
    await mkdir(source, { recursive: true });
    lines.push(`mount --bind ${quote(source)} ${path}`);
  }
  for (const [name, value] of Object.entries(tunables)) {
    const source = join(layout.folder, "tunables", name.replaceAll("/", "."));
    await mkdir(join(layout.folder, "tunables"), { recursive: true });
    await writeFile(source, `${value}\n`);
    lines.push(`mount --bind ${quote(source)} /proc/sys/${name}`);
  }
  // The host's systemd knows our processes by other numbers; nothing in here shall talk to it.
  for (const path of ["/run/systemd", "/run/dbus"]) lines.push(`[ ! -d ${path} ] || mount -t tmpfs tmpfs ${path}`);
  lines.push(`touch ${quote(readyFile(layout))}`, 'trap "exit 0" TERM', "while :; do sleep 2147483647 & wait $!; done");
  return lines.join("\n");
}

const readyFile = ({ run: runs }: ClusterLayout): string => join(runs, "machine.ready");
const machinePidFile = ({ run: runs }: ClusterLayout): string => join(runs, "machine.pid");

export async function findMachine(layout: ClusterLayout, bin: string): Promise<Machine | undefined> {
  const process = await readPidFile(machinePidFile(layout));
  return process !== undefined && existsSync(readyFile(layout)) ? { layout, process, bin } : undefined;
}

export async function startMachine(layout: ClusterLayout, bin: string): Promise<Machine> {
  await rm(readyFile(layout), { force: true });
  const enter = `echo $$ >${quote(await daemonsFile(layout))} && exec nsenter --net=/run/netns/${layout.namespace}`;
  const unshare = "unshare --mount --pid --fork --kill-child --propagation slave --mount-proc";
  const log = join(layout.logs, "machine.log");
  const command = `${enter} ${unshare} sh -c "$1" ops-nats-${layout.name} </dev/null >${quote(log)} 2>&1`;
  const child = execa("sh", ["-c", command, "sh", await firstProcess(layout)], {
    detached: true,
    stdio: "ignore",
    cleanup: false,
    reject: false,
    env: environment(layout, bin),
    extendEnv: false,
  });
  child.unref();
  const pid = child.pid;
  const process = pid === undefined ? undefined : await identify(pid);
  if (process === undefined) throw new Error(`${layout.name}: its first process did not start; see ${log}`);
  await writePidFile(machinePidFile(layout), process);
  await until(`${layout.name}: namespaces`, async () => (existsSync(readyFile(layout)) ? true : undefined), {
    timeout: 20,
    log,
    failed: async () =>
      (await identify(process.pid)) ? undefined : `it ended: ${await readFile(log, "utf8").catch(() => "")}`,
  });
  return { layout, process, bin };
}

function environment({ folder }: ClusterLayout, bin: string): Record<string, string> {
  return { PATH: `${bin}:${process.env.PATH ?? ""}:/usr/sbin:/sbin`, HOME: folder, LANG: "C.UTF-8" };
}

function entering({ layout, process }: Machine): string {
  const namespaces = `/proc/${process.pid}/ns`;
  return [
    "exec nsenter",
    `--net=/run/netns/${layout.namespace}`,
    `--mount=${namespaces}/mnt`,
    `--pid=${namespaces}/pid_for_children`,
    '"$@"',
  ].join(" ");
}

/** Runs a program inside to its end. */
export async function runInside(machine: Machine, program: string, args: readonly string[]): Promise<string> {
  const command = `echo $$ >${quote(await daemonsFile(machine.layout))} && ${entering(machine)}`;
  const options = { env: environment(machine.layout, machine.bin), timeout: 180_000 };
  return run("sh", ["-c", command, "sh", program, ...args], options);
}

/** Starts a program inside that stays; it is nobody's child but the machine's first process'. */
export async function startInside(machine: Machine, argv: readonly string[], log: string): Promise<ProcessIdentity> {
  const { layout } = machine;
  const background = `"$@" </dev/null >>${quote(log)} 2>&1 & echo $!`;
  const command = `echo $$ >${quote(await daemonsFile(layout))} && ${entering(machine)}`;
  const { stdout } = await execa("sh", ["-c", command, "sh", "setsid", "sh", "-c", background, "sh", ...argv], {
    env: environment(layout, machine.bin),
    extendEnv: false,
  });
  const inner = stdout.trim();
  for (const pid of await cgroupPids(layout)) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const [outermost, ...inside] = (/^NSpid:\s+(.*)$/m.exec(status)?.[1] ?? "").split("\t");
    const found =
      Number(outermost) === pid && inside.length === 1 && inside[0] === inner ? await identify(pid) : undefined;
    if (found !== undefined) return found;
  }
  throw new Error(`${argv[0]} ended at once; its log is ${log}`);
}
