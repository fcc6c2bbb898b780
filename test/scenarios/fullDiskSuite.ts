// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { installed } from "../harness/processes/installed.ts";
import { until } from "../harness/processes/until.ts";
import { eventText } from "./flow.ts";
import { NO_ROOM, readStream } from "./ledger.ts";

export interface FullDiskPlan {
  readonly edges: readonly string[];
  /** Claims of the primary's servers, and of the edges'. */
  readonly sizes: { readonly primary: string; readonly edge: string };
  /** One of the primary's servers gets a new disk when `ops` is full and edges have more to bring: it copies what the others have. */
  readonly copies?: boolean;
}

/** What ext4 leaves of a claim of a gigabyte, measured (`mkfs.ext4 -m0`). */
const LEFT = 0.95;
const EVENT = 2000;
/** An edge that does not store: what it says goes through a stream that all such edges share. */
const LIVE = "edge-live";

interface Stream {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
  readonly limit: number;
}

/** More than fits: an edge's stream while its link is cut, then the primary's, by all that the edges have. On disks of the claims' size. */
export function fullDiskSuite(version: string, { edges, sizes, copies = false }: FullDiskPlan): void {
  const nats = installed(version, {
    listed: [...edges, { name: LIVE, persistence: false }],
    edges: [...edges, LIVE],
    primary: { persistence: { enabled: true, size: sizes.primary } },
    edge: { persistence: { size: sizes.edge } },
    disk: (claim) => Math.floor(claim * LEFT),
  });
  const clusters = [...edges, "primary"];
  /** The most that was in use of each server's disk, 0 to 1. */
  const most = new Map<string, number>();

  /** Does something while the disks are looked at. */
  async function watched(act: () => Promise<void>): Promise<void> {
    let done = false;
    const look = async () => {
      while (!done) {
        for (const { servers, disks } of clusters.map((name) => nats().cluster(name))) {
          for (const [i, disk] of disks.entries()) {
            const name = servers[i]?.name ?? "";
            most.set(name, Math.max(most.get(name) ?? 0, await disk.used()));
          }
        }
        await pause(50);
      }
    };
    const looking = look();
    await act().finally(() => {
      done = true;
    });
    await looking;
  }

  async function look(connection: NatsConnection, name: string): Promise<Stream> {
    const { state, config } = await (await jetstreamManager(connection, { timeout: 20_000 })).streams.info(name);
    return { first: state.first_seq, last: state.last_seq, bytes: state.bytes, limit: config.max_bytes };
  }

  /** Numbers of events of each edge, from 0 on. */
  const said = new Map<string, number>();

  /** Has an edge say events, each with a subject of its own as task runs have, until the first ones have given way. */
  async function fill(edge: string): Promise<void> {
    const client = await nats().connect(nats().server(edge), nats().login(edge));
    const { first, last } = await look(client, "ops");
    let number = 0;
    for (let now = await look(client, "ops"); now.first <= first + 1; now = await look(client, "ops")) {
      if (number - (now.last - last) > 50_000) await pause(50);
      else for (const end = number + 2000; number < end; number++) say(client, edge, number);
      await client.flush();
    }
    said.set(edge, number);
    await until("all of it", async () => (await look(client, "ops")).last - last >= number, undefined, 60);
    await client.close();
  }
  const say = (client: NatsConnection, edge: string, number: number) =>
    client.publish(
      `ops.clusters.${edge}.namespaces.default.taskruns.run-${number}`,
      eventText(`${edge}.${number}`, EVENT),
    );

  /** What servers said of a disk that is full. */
  const noRoom = (): readonly string[] =>
    clusters
      .flatMap((name) => nats().cluster(name).servers)
      .flatMap(({ name, log }) => log.split("\n").map((line) => `${name}: ${line}`))
      .filter((line) => NO_ROOM.test(line) || /insufficient/i.test(line));

  /** The primary's streams that only pass on keep what they had until they are full, too. */
  async function fillPassing(): Promise<void> {
    const store = await nats().connect(nats().server("primary", 0), nats().deployed.controller.login);
    const names = ["own-nats-0", "own-nats-1", "own-nats-2", "direct"];
    for (const [i, name] of names.entries()) {
      const cluster = name === "direct" ? LIVE : "primary";
      const client = await nats().connect(nats().server(cluster, name === "direct" ? 0 : i), nats().login(cluster));
      for (let now = await look(store, name); now.bytes < now.limit * 0.95; now = await look(store, name)) {
        for (let n = 0; n < 1000; n++) client.publish(`ops.clusters.${cluster}.full`, eventText(`${name}.${n}`, EVENT));
        await client.flush();
      }
      await client.close();
    }
    await store.close();
  }

  /** Says what was used, and asserts that every server is well and none has said otherwise. */
  async function allWell(of: readonly string[]): Promise<void> {
    assert.deepEqual(noRoom(), []);
    for (const server of of.flatMap((name) => nats().cluster(name).servers)) {
      const used = most.get(server.name) ?? assert.fail(server.name);
      console.log(`      ${server.name}: ${(used * 100).toFixed(1)} % of its disk`);
      await server.healthy();
      assert.ok(used > 0.5 && used < 1, `${server.name}: ${used}`);
    }
    assert.deepEqual(noRoom(), [], "nor while it was asked");
  }

  it("an edge that is cut off lets its oldest events go before its disk is full", async function () {
    this.timeout(600_000);
    await fillPassing();
    nats().nodePort.break();
    await watched(async () => void (await Promise.all(edges.map((edge) => fill(edge)))));
    await allWell(edges);
  });

  it("a primary that gets more than it can hold does so, too, and has the newest of each edge, in order", async function () {
    this.timeout(2_000_000);
    assert.deepEqual([...said.keys()].sort(), [...edges].sort(), "the edges have something to bring");
    const reader = () => nats().connect(nats().server("primary", 0), nats().deployed.controller.login);
    await watched(async () => {
      nats().nodePort.mend();
      const manager = async () => jetstreamManager(await reader(), { timeout: 5000 });
      const { streams } = await until("a server that answers", manager, undefined, 60);
      if (copies) {
        const full = async () => (await streams.info("ops")).state.first_seq > 1;
        await until("ops to be full", full, () => streams.info("ops"), 300);
        await nats().cluster("primary").empty(2);
      }
      for (const [edge, events] of said) {
        const last = `ops.clusters.${edge}.namespaces.default.taskruns.run-${events - 1}`;
        // one whose disk is full never comes so far
        const come = async () =>
          noRoom().length > 0 || (await streams.getMessage("ops", { last_by_subj: last })) !== null;
        await until(`the last event of ${edge}`, come, () => streams.info("ops"), 900);
      }
    });
    const { log } = nats().controller("primary");
    for (const line of log.match(/.*logs of replicas.*/g) ?? []) console.log(`      ${line}`);
    await allWell(["primary"]);
    if (copies) assert.match(log, /edges that are behind pause[\s\S]*edges that paused go on/);
    const store = await reader();
    for (const name of ["in", "ops"]) {
      const { first, bytes, limit } = await look(store, name);
      assert.ok(first > 1 && bytes <= limit && bytes > limit * 0.95, `${name}: ${bytes} of ${limit}, from ${first}`);
    }
    const found = (await readStream(await nats().client(nats().server("primary", 0)))).map(({ id }) => id.split("."));
    assert.ok(found.length > 1000);
    for (const [edge, events] of said) {
      const numbers = found.filter(([of]) => of === edge).map(([, number]) => Number(number));
      assert.deepEqual(
        numbers,
        numbers.map((_, i) => events - numbers.length + i),
        edge,
      );
    }
  });
}
