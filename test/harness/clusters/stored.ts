// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { execa } from "execa";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { toolchain } from "../../../sandbox/toolchain/toolchain.ts";
import { reached } from "../../scenarios/arrived.ts";
import type { Outcome } from "../../scenarios/outcome.ts";
import { complaints, during } from "../../scenarios/scenario.ts";
import { until } from "../processes/until.ts";
import { siteOf } from "./clusterSite.ts";
import { blocksOf, documentation, type Stack, secretOf, type World } from "./world.ts";

const LOAD = { load: { steady: 200, each: 10, size: 500 } };

/** The one block of the README's steps that has this. */
export async function steps(pattern: RegExp): Promise<string> {
  const [block, ...more] = (await blocksOf("Changing persistence")).filter((text) => pattern.test(text));
  if (block === undefined || more.length > 0) assert.fail(`expected one block with ${pattern}`);
  return block;
}

/** The block for an edge where it is switched on or off. */
export const switchedAtEdge = () => steps(/^kubectl [^\n]+ delete statefulset [^\n]+\n[^\n]+ -s edge-1\n$/);

/** Its commands, as a refusal says them to who is there to answer; without what sets a value, which is set by then. */
export const commandsOf = (block: string): string[] =>
  block
    .trim()
    .split(/ &&\n */)
    .map((command) => command.replace(" --yes", ""))
    .filter((command) => !command.startsWith("pulumi config set"));

/** A command that stands in the text of the README, not in a block. */
export async function line(pattern: RegExp): Promise<string> {
  return pattern.exec(await documentation())?.[1] ?? assert.fail(`expected ${pattern} in the documentation`);
}

/** The block by which a stack begins anew, with the line for another namespace in the place of its third. */
export async function toNamespace(stack: "primary" | "edge-1", from: string, to: string): Promise<string> {
  const third = new RegExp(`pulumi config set ops-nats:replicas 3 -s ${stack}`);
  const block = await steps(third);
  const other = await line(/`(pulumi config set ops-nats:namespace events -s edge-1)`/);
  const set = other.replace("events", to).replace("edge-1", stack);
  return block.replace(third, set).replace("-n ops-system", `-n ${from}`);
}

interface Claim {
  readonly name: string;
  readonly phase: string;
  readonly size: string;
  readonly storageClass: string;
  readonly uid: string;
}

interface KubernetesClaim {
  metadata: { name: string; uid: string };
  spec: { storageClassName: string; resources: { requests: { storage: string } } };
  status: { phase: string };
}

/** What is stored on real clusters: what tests ask and do more than once. */
export class Stored {
  readonly #w: World;
  /** `persistence` of the primary in tests, by a class that the clusters have. */
  readonly persistence: { readonly enabled: boolean; readonly size: string; readonly storageClass: string };

  private constructor(w: World, storageClass: string) {
    this.#w = w;
    this.persistence = { enabled: true, size: "2Gi", storageClass };
  }

  static async in(w: World): Promise<Stored> {
    const names = "jsonpath={.items[0].metadata.name}";
    const storageClass = await w.kubectl.primary.run(["get", "storageclass", "-o", names]);
    assert.notEqual(storageClass, "");
    return new Stored(w, storageClass);
  }

  async claims(stack: Stack): Promise<Claim[]> {
    const { items } = await this.#w.kubectl[stack].json<{ items: KubernetesClaim[] }>(["get", "pvc"]);
    return items.map(({ metadata: { name, uid }, spec, status: { phase } }) => ({
      name,
      phase,
      size: spec.resources.requests.storage,
      storageClass: spec.storageClassName,
      uid,
    }));
  }

  /** Has edge-1 say so many events, each with a subject of its own; gives what these have in common. */
  async said(events: number): Promise<string> {
    const tag = `said-${Date.now()}`;
    const client = await reached(await siteOf(this.#w, ["edge-1"], true), "edge-1");
    for (let i = 0; i < events; i++) client.publish(`ops.clusters.edge-1.${tag}.${i}`);
    await client.flush();
    await client.close();
    return tag;
  }

  /** How many events with a tag of {@link said} are in `ops`, once so many are there. */
  async found(tag: string, wanted: number): Promise<number> {
    return (await this.ask("query", `ops.clusters.edge-1.${tag}.*`, wanted)).length;
  }

  /** Events of edge-1 and of the primary while something is done: nothing of what they stored is lost, doubled or out of order. */
  async whole(title: string, act: () => Promise<unknown> = () => pause(500)): Promise<readonly Outcome[]> {
    const outcomes = await during(await siteOf(this.#w, ["edge-1"], true), title, act, LOAD);
    assert.deepEqual(complaints(outcomes), []);
    return outcomes;
  }

  /** The primary's streams, and those that its intake reads, each by its name. */
  async intake(): Promise<{ readonly made: readonly string[]; readonly read: readonly string[] }> {
    const client = await (await siteOf(this.#w, ["edge-1"], true)).controller();
    const { streams } = await jetstreamManager(client);
    const made: string[] = [];
    for await (const name of await streams.names()) made.push(name);
    const { config } = await streams.info("in");
    await client.close();
    return { made, read: (config.sources ?? []).map(({ name }) => name) };
  }

  /**
   * What a cluster's stream `ops` has, by a client of app: events, the number of the last one, the most bytes and nanoseconds.
   * @throws Error when it says nothing for a minute: servers that all began anew are ready before their streams have leaders
   */
  async stream(stack: Stack): Promise<{ messages: number; last: number; limit: number; age: number }> {
    const client = await reached(await siteOf(this.#w, ["edge-1"], true), stack);
    const { streams } = await jetstreamManager(client);
    const info = () => streams.info("ops");
    const { state, config } = await until("the stream ops to answer", info, undefined, 60);
    await client.close();
    return { messages: state.messages, last: state.last_seq, limit: config.max_bytes, age: config.max_age };
  }

  /** Asks the primary as Ops does, again until so many lines are there. */
  async ask(command: string, subject: string | undefined, lines: number): Promise<string[]> {
    const tools = await toolchain();
    const password = (await secretOf(this.#w.kubectl.primary))["app-password"];
    const url = `nats://app:${password}@${layoutOf("primary").address}:32223`;
    const end = Date.now() + 120_000;
    for (;;) {
      const args = [command, url, ...(subject ? [subject] : [])];
      const { stdout, stderr, failed } = await execa(tools.program("ops-client"), args, { reject: false });
      assert.ok(!failed, stderr);
      const found = stdout.split("\n").filter((line) => line !== "");
      if (found.length >= lines || Date.now() > end) return found.sort();
      await pause(500);
    }
  }
}
