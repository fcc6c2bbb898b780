// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readdir } from "node:fs/promises";
import { attempt, run } from "./command.ts";
import { bridge, type ClusterLayout } from "./layout.ts";
import { ensureNamespaceFolder } from "./mounts.ts";

// Where a firewall drops forwarded traffic and br_netfilter is loaded (Docker does both), traffic across our bridge
// would be dropped too.
const rule = `FORWARD -i ${bridge.name} -o ${bridge.name} -m comment --comment ops-nats-sandbox -j ACCEPT`.split(" ");

async function links(): Promise<{ ifname: string }[]> {
  return JSON.parse((await run("ip", ["-json", "link", "show"])) || "[]");
}

export async function namespaces(): Promise<string[]> {
  return readdir("/run/netns").catch(() => []);
}

/** What all clusters share: a bridge on the host, and leave to pass it. */
export async function ensureBridge(): Promise<void> {
  await ensureNamespaceFolder();
  if (!(await links()).some(({ ifname }) => ifname === bridge.name)) {
    const input = [
      `link add ${bridge.name} type bridge`,
      `addr add ${bridge.address}/${bridge.prefix} dev ${bridge.name}`,
      `link set ${bridge.name} up`,
    ];
    await run("ip", ["-batch", "-"], { input: `${input.join("\n")}\n` });
  }
  if (!(await attempt("iptables", ["-w", "-C", ...rule]))) await run("iptables", ["-w", "-I", ...rule]);
}

export async function removeBridge(): Promise<void> {
  await attempt("ip", ["link", "del", bridge.name]);
  while (await attempt("iptables", ["-w", "-D", ...rule]));
}

/** The cluster's network: one cable to the bridge. Its pods reach whatever is not a pod under the node's address. */
export async function makeNamespace(layout: ClusterLayout): Promise<void> {
  const { namespace, link, address } = layout;
  await run("ip", ["netns", "add", namespace]);
  const cable = [
    `link add ${link} type veth peer name eth0 netns ${namespace}`,
    `link set ${link} master ${bridge.name} up`,
  ];
  await run("ip", ["-batch", "-"], { input: `${cable.join("\n")}\n` });
  const inside = [
    "link set lo up",
    `addr add ${address}/${bridge.prefix} dev eth0`,
    "link set eth0 up",
    `route add default via ${bridge.address}`,
  ];
  await run("ip", ["-netns", namespace, "-batch", "-"], { input: `${inside.join("\n")}\n` });
  const routing = [
    "echo 1 >/proc/sys/net/ipv4/ip_forward",
    `iptables -w -t nat -A POSTROUTING -s ${layout.podRange} ! -d ${layout.podRange} -j MASQUERADE`,
  ];
  // `ip netns exec` would mount /sys anew; this only enters.
  await run("nsenter", [`--net=/run/netns/${namespace}`, "sh", "-ec", routing.join("\n")]);
}

export async function removeNamespace({ namespace, link }: ClusterLayout): Promise<void> {
  // A namespace ends in its own time, and its cable with it; unplugged by name it is gone at once.
  if ((await links()).some(({ ifname }) => ifname === link)) await attempt("ip", ["link", "del", link]);
  if ((await namespaces()).includes(namespace)) await run("ip", ["netns", "del", namespace]);
}

/** Processes whose network is the cluster's: the daemons, not the pods. */
export async function namespacePids({ namespace }: ClusterLayout): Promise<number[]> {
  if (!(await namespaces()).includes(namespace)) return [];
  const pids = await run("ip", ["netns", "pids", namespace]).catch(() => "");
  return pids.split("\n").filter(Boolean).map(Number);
}
