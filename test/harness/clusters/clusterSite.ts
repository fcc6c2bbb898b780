// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect } from "@nats-io/transport-node";
import { execa } from "execa";
import { CLIENT_PORT } from "../../../config/defaults.ts";
import { INCLUDE } from "../../../nats/files.ts";
import { CONTROLLER } from "../../../nats/logins.ts";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { findMachine, runInside } from "../../../sandbox/cluster/machine.ts";
import type { Site } from "../../scenarios/deployment.ts";
import { DEFAULT_VERSION } from "../processes/versions.ts";
import { type Stack, secretOf, type World } from "./world.ts";

/** A NodePort for the clients of an edge, which has none of its own accord. */
const EDGE_CLIENT_PORT = 32323;

/** An edge whose server this machine can reach as a client. */
export const reachable = {
  values: { service: { merge: { spec: { type: "NodePort" } }, ports: { nats: { nodePort: EDGE_CLIENT_PORT } } } },
};

/** Real clusters as a site that events flow through. */
export async function siteOf(w: World, edges: readonly Stack[], persistent: boolean): Promise<Site> {
  const stacks: Stack[] = ["primary", ...edges];
  const passwords = new Map<string, string>();
  for (const stack of stacks) {
    // an edge puts its own out, also where it is in another namespace
    const { appPassword } = await w.workspace.outputs(stack);
    passwords.set(stack, String(appPassword ?? (await secretOf(w.kubectl[stack]))["app-password"]));
  }
  const server = (cluster: string) =>
    `${layoutOf(cluster).address}:${cluster === "primary" ? CLIENT_PORT : EDGE_CLIENT_PORT}`;
  return {
    edges,
    place: { level: "real clusters", version: DEFAULT_VERSION, persistent },
    connect: (cluster, lasting = false) =>
      connect({
        servers: server(cluster),
        user: "app",
        pass: passwords.get(cluster),
        timeout: 2000,
        // one that goes on has to notice by itself that its server is away
        ...(lasting
          ? { reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 100, pingInterval: 2000, maxPingOut: 2 }
          : { reconnect: false }),
      }),
    controller: async () => {
      const { data } = await w.kubectl.primary.json<{ data: Record<string, string> }>([
        "get",
        "secret",
        INCLUDE.secret,
      ]);
      const pass = Buffer.from(data["controller-password"] ?? "", "base64").toString();
      return connect({ servers: server("primary"), user: CONTROLLER, pass, timeout: 2000, reconnect: false });
    },
  };
}

const inside = (cluster: Stack, command: string) =>
  execa("nsenter", [`--net=/run/netns/${layoutOf(cluster).namespace}`, "sh", "-ec", command]);

/** How a link between an edge and the primary fails. */
export type Cut = "dropped" | "reset";

/** Cuts the way between one edge and the primary, in both directions; clients of the edge still reach it. */
export async function cut(edge: Stack, how: Cut): Promise<() => Promise<void>> {
  const { address } = layoutOf("primary");
  const target = how === "dropped" ? "-j DROP" : "-p tcp -j REJECT --reject-with tcp-reset";
  const rules = [`FORWARD -d ${address} ${target}`, `FORWARD -s ${address} ${target}`];
  for (const rule of rules) await inside(edge, `iptables -w -I ${rule}`);
  return async () => {
    for (const rule of rules) await inside(edge, `iptables -w -D ${rule}`);
  };
}

/** Pulls the cable of a cluster's node. */
export async function unplug(cluster: Stack): Promise<() => Promise<void>> {
  const { link } = layoutOf(cluster);
  await execa("ip", ["link", "set", link, "down"]);
  return async () => void (await execa("ip", ["link", "set", link, "up"]));
}

/** Sends a signal to a server in its pod; the pod goes on, the kubelet starts a server that ended anew. */
export async function signal(w: World, stack: Stack, pod: string, name: "KILL" | "STOP" | "CONT"): Promise<void> {
  const command = `kill -${name} $(cat /var/run/nats/nats.pid)`;
  await w.kubectl[stack].run(["exec", pod, "-c", "reloader", "--", "sh", "-c", command]);
}

/** A disk in the place of a claim. */
export interface SmallDisk {
  grow(megabytes: number): Promise<void>;
  /** The claim's own folder is there again for a pod that starts from now on. */
  remove(): Promise<void>;
}

/**
 * Puts an empty disk in the place of a server's claim, for the next pod that starts with it.
 * @param size its megabytes, by those that the claim's folder has in it
 */
export async function smallDisk(
  w: World,
  stack: Stack,
  pod: string,
  size: (used: number) => number,
): Promise<SmallDisk> {
  const kubectl = w.kubectl[stack];
  const volume = await kubectl.run(["get", "pvc", `nats-js-${pod}`, "-o", "jsonpath={.spec.volumeName}"]);
  const path = await kubectl.run(["get", "pv", volume, "-o", "jsonpath={.spec.hostPath.path}"]);
  const machine = await findMachine(layoutOf(stack), "");
  if (!machine || path === "") throw new Error(`${stack}: no machine, or no folder of ${volume}`);
  const mount = async (...options: string[]) => void (await runInside(machine, "mount", [...options, path]));
  const used = Number((await runInside(machine, "du", ["-sm", path])).split("\t")[0]);
  await mount("-t", "tmpfs", "-o", `size=${size(used)}m`, "tmpfs");
  return {
    grow: (more) => mount("-o", `remount,size=${more}m`),
    remove: async () => void (await runInside(machine, "umount", ["-l", path])),
  };
}

/** How often a cluster's controller, as it runs now, has made the stream. */
export const streamsMade = async (w: World, stack: Stack): Promise<number> =>
  (await w.kubectl[stack].run(["logs", "deployment/nats-controller"])).split("stream ops: made").length - 1;

/** The streams that a cluster's controller is to keep; none where no controller is, nor where it only counts strays. */
export async function keptAt(w: World, stack: Stack): Promise<readonly unknown[]> {
  const plan = ["get", "configmap", "nats-controller-plan", "--ignore-not-found", "-o", "jsonpath={.data.plan\\.json}"];
  const text = await w.kubectl[stack].run(plan);
  return text === "" ? [] : (JSON.parse(text) as { streams: unknown[] }).streams;
}
