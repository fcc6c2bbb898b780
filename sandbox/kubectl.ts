// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { execa } from "execa";
import { besideProxy } from "./proxy.ts";
import type { Toolchain } from "./toolchain/toolchain.ts";

/** kubectl at one cluster, in the namespace that the program uses by default. */
export class Kubectl {
  readonly kubeconfig: string;
  private readonly command: string;

  constructor(tools: Pick<Toolchain, "program">, kubeconfig: string) {
    this.command = tools.program("kubectl");
    this.kubeconfig = kubeconfig;
  }

  /** The same as somebody else. */
  as(kubeconfig: string): Kubectl {
    return new Kubectl({ program: () => this.command }, kubeconfig);
  }

  /** Standard output of `kubectl <args>`; throws with what it printed when it fails. */
  async run(args: readonly string[], options: { input?: string; timeout?: number } = {}): Promise<string> {
    const all = ["--kubeconfig", this.kubeconfig, "-n", "ops-system", ...args];
    const { stdout } = await execa(this.command, all, { timeout: 120_000, env: besideProxy(), ...options });
    return stdout;
  }

  /** Applies objects, those that name no namespace to this one; a namespace that is among them comes first. */
  async apply(namespace: string, objects: readonly object[]): Promise<void> {
    const input = objects.map((one) => JSON.stringify({ apiVersion: "v1", ...one })).join("\n---\n");
    await this.run(["apply", "-n", namespace, "-f", "-"], { input });
  }

  /** A process that goes on: a subscriber, a port-forward. End it by its own kill(). */
  start(args: readonly string[]) {
    const all = ["--kubeconfig", this.kubeconfig, "-n", "ops-system", ...args];
    return execa(this.command, all, { reject: false, all: true, buffer: true, env: besideProxy() });
  }

  async json<T = Record<string, unknown>>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run([...args, "-o", "json"])) as T;
  }

  /** A monitoring page of a server, through the API server: `/leafz`, `/varz`. */
  async monitor<T>(pod: string, path: string): Promise<T> {
    return JSON.parse(
      await this.run(["get", "--raw", `/api/v1/namespaces/ops-system/pods/${pod}:8222/proxy${path}`]),
    ) as T;
  }

  /** A command in nats-box, which is logged in as app. */
  box(command: readonly string[], options: { timeout?: number } = {}): Promise<string> {
    return this.run(["exec", "deployment/nats-box", "--", ...command], options);
  }
}

/** What /leafz says of one link. */
export interface Leaf {
  readonly name: string;
  readonly account: string;
  readonly ip: string;
  readonly port: number;
  readonly rtt: string;
  readonly in_msgs: number;
  readonly out_msgs: number;
}

/** The leaf links of a cluster, over all its servers. */
export async function leafs(kubectl: Kubectl): Promise<Leaf[]> {
  const { items } = await kubectl.json<{ items: { metadata: { name: string } }[] }>([
    "get",
    "pod",
    "-l",
    "app.kubernetes.io/component=nats",
  ]);
  const pages = await Promise.all(
    items.map(({ metadata }) => kubectl.monitor<{ leafs?: Leaf[] }>(metadata.name, "/leafz")),
  );
  return pages.flatMap(({ leafs }) => leafs ?? []);
}

/** Asks again until the answer is right. Never a fixed wait; what was seen last is told. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  seconds = 60,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let seen: unknown;
  while (true) {
    try {
      const answer = await ask();
      if (right(answer)) return answer;
      seen = JSON.stringify(answer);
    } catch (error) {
      seen = (error as Error).message;
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}; seen last: ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
