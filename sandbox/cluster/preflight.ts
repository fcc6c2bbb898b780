// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { mkdir, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildNeeds, type DiskNeed } from "../toolchain/cache.ts";
import { wayOut } from "../toolchain/wayOut.ts";
import { hierarchies } from "./cgroup.ts";
import { attempt, run } from "./command.ts";
import { bridge, stateFolder } from "./layout.ts";

/** A reason why the sandbox cannot run here, with the way out. */
export class PreflightError extends Error {
  override readonly name = "PreflightError";
  constructor(reason: string) {
    super(`The sandbox cannot run here: ${reason}\n${wayOut}`);
  }
}

/** Of this process, and how many clusters it is to be. */
export const factsOf = (clusters: number): PreflightFacts => ({
  platform: process.platform,
  uid: process.getuid?.() ?? -1,
  clusters,
  folder: stateFolder,
});

export interface PreflightFacts {
  readonly platform: string;
  readonly uid: number;
  readonly clusters: number;
  /** Where the clusters' files go. */
  readonly folder: string;
}

const gigabyte = 1e9;
/** Measured: 0.06 GB for images, 0.25 GB for each empty cluster; logs, data and an unpacked layer or two come on top. */
const diskNeeded = (clusters: number): number => (0.5 + 0.7 * clusters) * gigabyte;

/** What needs no other program. */
export async function checkHost({ platform, uid, clusters, folder }: PreflightFacts): Promise<void> {
  if (platform !== "linux") throw new PreflightError(`it needs Linux, and this is ${platform}.`);
  if (uid !== 0) throw new PreflightError("it needs root for namespaces, mounts and cgroups: try again with sudo -E.");
  // overlay file systems take a list of folders; Kubernetes' own programs were never tried with a blank in one
  if (/[\s:,"'\\$]/.test(folder)) {
    const unfit = "a blank or one of : , \" ' \\ $";
    throw new PreflightError(`it needs a folder without ${unfit} in its path; came ${folder}: clone into another one.`);
  }
  await checkDisk(`${clusters} clusters`, [{ folder, bytes: diskNeeded(clusters) }]);
}

/** What can be told before programs are installed and built: what needs a program that is not here yet waits. */
export async function checkBeforeBuild(facts: PreflightFacts, build = buildNeeds): Promise<void> {
  await checkHost(facts);
  const [absent, needs] = await Promise.all([absentPrograms(), build()]);
  const all = [{ folder: facts.folder, bytes: diskNeeded(facts.clusters) }, ...needs];
  if (needs.length > 0) await checkDisk(`${facts.clusters} clusters and a first build of their programs`, all);
  await checkMachine(absent);
}

/** Checks what can be checked before anything is made. */
export async function preflight(facts: PreflightFacts): Promise<void> {
  await checkHost(facts);
  const missing = await absentPrograms();
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((name) => programs[name]))].join(" ");
    throw new PreflightError(`missing: ${missing.join(", ")}; on Debian and Ubuntu: apt-get install ${packages}`);
  }
  await checkMachine([]);
}

async function checkMachine(absent: readonly string[]): Promise<void> {
  await Promise.all([absent.includes("ip") ? undefined : checkRange(), checkKernel(absent)]);
}

const programs: Readonly<Record<string, string>> = {
  ip: "iproute2",
  iptables: "iptables",
  nsenter: "util-linux",
  unshare: "util-linux",
  mount: "mount",
  openssl: "openssl",
};

async function absentPrograms(): Promise<string[]> {
  const names = Object.keys(programs);
  const found = await Promise.all(names.map((name) => attempt("sh", ["-c", `command -v ${name}`])));
  return names.filter((_, i) => !found[i]);
}

/** Folders on one file system share what is free there. */
async function checkDisk(what: string, needs: readonly DiskNeed[]): Promise<void> {
  const systems = new Map<number, { folders: string[]; bytes: number }>();
  for (const { folder, bytes } of needs) {
    const { dev } = await stat(existing(folder));
    const before = systems.get(dev) ?? { folders: [], bytes: 0 };
    systems.set(dev, { folders: [...before.folders, folder], bytes: before.bytes + bytes });
  }
  const size = (bytes: number) => `${(bytes / gigabyte).toFixed(1)} GB`;
  for (const { folders, bytes } of systems.values()) {
    const { bavail, bsize } = await statfs(existing(folders[0] as string));
    if (bavail * bsize >= bytes) continue;
    const free = size(bavail * bsize);
    throw new PreflightError(`${what} need ${size(bytes)} of disk at ${folders.join(", ")}, and ${free} are free.`);
  }
}

const existing = (folder: string): string => (existsSync(folder) ? folder : existing(dirname(folder)));

/** The bridge's range must not be anybody else's. */
async function checkRange(): Promise<void> {
  const routes = await run("ip", ["-4", "-json", "route", "show", "table", "all", "root", bridge.range]);
  const within = await run("ip", ["-4", "-json", "route", "show", "table", "all", "match", bridge.address]);
  const found = [...JSON.parse(routes || "[]"), ...JSON.parse(within || "[]")] as { dst?: string; dev?: string }[];
  // Wider ones are a VPN's or a default's; they leave room for ours.
  const narrow = (range: string) => Number(range.split("/")[1] ?? 32) >= 16;
  const foreign = found.find(({ dst = "default", dev }) => dst !== "default" && narrow(dst) && dev !== bridge.name);
  if (foreign === undefined) return;
  throw new PreflightError(`the addresses ${bridge.range} are in use: ${foreign.dst} on ${foreign.dev} (ip route).`);
}

/** Tries each thing in namespaces that end with the attempt; without what needs an absent program. */
async function checkKernel(absent: readonly string[]): Promise<void> {
  if (absent.includes("unshare")) return;
  const scratch = join(stateFolder, `preflight-${process.pid}`);
  const trial = join((await hierarchies()).tracking, `opsnats-preflight-${process.pid}`);
  const rules = [
    "-A POSTROUTING -m comment --comment a -m statistic --mode random --probability 0.5 -j MASQUERADE",
    "-A PREROUTING -p tcp -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.0.0.1:1",
    "-A OUTPUT -m conntrack --ctstate NEW -m mark --mark 0x1 -j MARK --set-xmark 0x2",
  ];
  const overlay = [
    "mkdir $0/lower $0/upper $0/work $0/all",
    "mount -t overlay overlay -o lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work $0/all",
  ];
  const attempts: Readonly<Record<string, readonly string[]>> = {
    "network bridges (module bridge)": ["ip link add a0 type bridge"],
    "virtual cables (module veth)": ["ip link add b0 type veth peer name b1"],
    "address translation (iptables with nat, comment, statistic, addrtype, conntrack, mark)": rules.map(
      (rule) => `iptables -t nat ${rule}`,
    ),
    "namespaces for processes (unshare --pid)": ["unshare --pid --fork --kill-child true"],
    "control groups that can be written": [`mkdir ${trial}`, `rmdir ${trial}`],
    "overlay file systems in this folder (module overlay; not all file systems can carry one)": overlay,
  };
  const possible = Object.entries(attempts).filter(
    ([, commands]) => !commands.some((command) => absent.includes(command.split(" ")[0] as string)),
  );
  await Promise.all(
    possible.map(async ([feature, commands], i) => {
      const folder = join(scratch, String(i));
      await mkdir(folder, { recursive: true });
      const script = ["set -e", ...commands].join("\n");
      await run("unshare", ["--net", "--mount", "sh", "-c", script, folder]).catch((error: Error) => {
        throw new PreflightError(
          `the kernel does not give it ${feature}:\n${error.message.split("\n").slice(-3).join("\n")}`,
        );
      });
    }),
  ).finally(() => rm(scratch, { recursive: true, force: true }));
}
