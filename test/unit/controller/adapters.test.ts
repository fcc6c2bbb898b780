// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { connect as connectTo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bundle } from "../../../components/controllerBundle.ts";
import { watchAdvisories } from "../../../controller/advisories.ts";
import { Controller } from "../../../controller/controller.ts";
import { pages } from "../../../controller/http.ts";
import { JetStream, Refusal } from "../../../controller/jetstream.ts";
import { Log } from "../../../controller/log.ts";
import type { Monitor } from "../../../controller/monitor.ts";
import type { Observed, StreamInfo } from "../../../controller/observed.ts";
import { BEGINNING } from "../../../controller/reconcile.ts";
import { type Status, statusOf } from "../../../controller/status.ts";
import { MOST } from "../../../controller/strays.ts";
import { StrayWatch } from "../../../controller/watch.ts";
import { NO_STREAMS } from "../../../nats/streams.ts";
import { lonePlan } from "../../harness/controllerPlan.ts";
import { listening } from "../../harness/processes/ports.ts";

const PROJECT = resolve(import.meta.dirname, "../../..");

/** A connection that answers by a table, and keeps what was asked. */
function connection(answers: (subject: string, body: unknown) => unknown) {
  const asked: string[] = [];
  const request = async (subject: string, body?: unknown) => {
    asked.push(subject.replace("$JS.API.", ""));
    const answer = answers(subject.replace("$JS.API.", ""), body === undefined ? undefined : JSON.parse(String(body)));
    if (answer instanceof Error) throw answer;
    return { json: () => answer, data: new Uint8Array() };
  };
  return { asked, js: new JetStream({ request, publish: () => {} } as never) };
}

describe("controller: requests", () => {
  it("tell what is missing from what nobody can tell", async () => {
    const { js } = connection((subject) => {
      if (subject === "STREAM.INFO.a") return { config: { name: "a" } };
      if (subject === "STREAM.INFO.b")
        return { error: { code: 404, err_code: 10059, description: "stream not found" } };
      if (subject === "STREAM.INFO.c") return { error: { code: 503, err_code: 10008, description: "not available" } };
      if (subject === "CONSUMER.INFO.a.x") return { error: { code: 404, err_code: 10014, description: "no" } };
      return new Error("timeout");
    });
    assert.deepEqual(await js.stream("a"), { is: "there", info: { config: { name: "a" } } });
    assert.deepEqual(await js.stream("b"), { is: "missing" });
    assert.deepEqual(await js.stream("c"), { is: "unknown", why: "not available" });
    assert.deepEqual(await js.stream("d"), { is: "unknown", why: "timeout" });
    assert.deepEqual(await js.consumer("a", "x"), { is: "missing" });
    assert.deepEqual(await js.consumer("b", "x"), { is: "unknown", why: "timeout" });
  });

  it("that are refused are refused in the server's words", async () => {
    const { js } = connection(() => ({ error: { code: 500, description: "no room" } }));
    await assert.rejects(js.perform({ do: "count on", stream: "a", sequence: 1, said: undefined }), (error: Error) => {
      assert.ok(error instanceof Refusal);
      assert.deepEqual([error.message, error.code], ["no room", 500]);
      return true;
    });
  });
});

describe("controller: a look and what follows", () => {
  it("is ready when all is as planned, stays so for a minute of failing, and does nothing out of its turn", async () => {
    const streams = new Map<string, unknown>();
    let [silent, mine, now] = [false, true, 0];
    const { js, asked } = connection((subject, body) => {
      if (silent) return new Error("timeout");
      const [, , name = "", more] = subject.split(".");
      if (subject.startsWith("STREAM.INFO")) return streams.get(name) ?? { error: { err_code: 10059 } };
      if (subject.startsWith("CONSUMER.INFO")) return streams.get(`${name}.${more}`) ?? { error: { err_code: 10014 } };
      const state = { messages: 0, bytes: 0, first_seq: 1, first_ts: "", last_seq: 0 };
      const config = body as { subjects?: string[] };
      if (subject.startsWith("STREAM.CREATE"))
        streams.set(name, { config: { subjects: [name], ...config }, created: "2026-11-30T00:00:00Z", state });
      if (subject.startsWith("STREAM.UPDATE")) streams.set(name, { ...(streams.get(name) as object), config });
      if (subject.startsWith("STREAM.PURGE"))
        streams.set(name, { ...(streams.get(name) as object), state: { ...state, first_seq: 2e15 } });
      if (subject.startsWith("CONSUMER.CREATE")) streams.set(`${name}.${more}`, { config: { max_ack_pending: 100 } });
      return {};
    });
    const servers = async () => [{ name: "nats-0", id: "x", sick: false, links: [] }];
    const monitor = { ids: async () => ["x"], servers, linked: async () => [] } as unknown as Monitor;
    const lines: string[] = [];
    const log = new Log((line) => lines.push(JSON.parse(line).message));
    const clock = () => ({ date: Date.UTC(2026, 10, 30), uptime: now });
    const controller = new Controller({ plan: lonePlan, jetStream: js, monitor, log, clock, mine: () => mine });
    mine = false;
    await controller.tick();
    assert.deepEqual([controller.ready, asked.filter((subject) => !subject.includes("INFO"))], [false, []]);
    mine = true;
    for (; now < 40 && !controller.ready; now++) await controller.tick();
    assert.ok(controller.ready);
    assert.deepEqual(
      asked.filter((subject) => !subject.includes("INFO")),
      ["STREAM.CREATE.ops", "STREAM.PURGE.ops", "STREAM.UPDATE.ops", "CONSUMER.CREATE.ops.edge-1"],
    );
    assert.deepEqual(lines.slice(0, 2).reverse(), [
      "stream ops: made",
      "consumer ops.edge-1: is made when nobody listens to a former one, in half a minute at most",
    ]);
    assert.deepEqual(lines.slice(-2), ["consumer ops.edge-1: made", "all streams are as planned"]);
    const well = now;
    silent = true;
    for (; now < well + 60; now++) await controller.tick();
    assert.ok(controller.ready, "for a minute");
    for (; now < well + 130; now++) await controller.tick();
    assert.deepEqual([controller.ready, controller.status?.planned], [false, false]);
    assert.equal(controller.status?.lastError, undefined, "what cannot be asked for is a problem, not an error");
    controller.failed("a look failed: no reason");
    assert.deepEqual(controller.status?.lastError, {
      time: "2026-11-30T00:00:00.000Z",
      message: "a look failed: no reason",
    });
    silent = false;
    for (; now < well + 140; now++) await controller.tick();
    assert.ok(controller.ready);
    const looks = () => asked.filter((subject) => subject === "STREAM.INFO.ops").length;
    const before = looks();
    now++;
    await controller.tick();
    assert.equal(looks(), before, "all is as planned: it looks seldom");
    controller.noticed();
    await controller.tick();
    assert.equal(looks(), before + 1);
    controller.waits("another acts");
    now += 59;
    assert.ok(controller.ready);
    now += 1;
    assert.ok(!controller.ready, "another has acted for a minute");
    assert.ok(lines.includes("another acts"));
  });
});

describe("controller: an edge that is told to pause", () => {
  for (const [what, ahead, wanted] of [
    ["at once, where its clock is as ours", 10, [60]],
    ["again, for as much longer, where its clock is ahead", 40, [60, 100]],
    ["again, for less, where its clock is behind", -50, [60, 10]],
  ] as const) {
    it(`is told ${what}`, async () => {
      const date = Date.UTC(2026, 10, 30);
      const told: number[] = [];
      const source = { name: "ops", external: { api: "$JS.edge-1.API", deliver: "up.edge-1" } };
      const intake = {
        config: { name: "in", sources: [{ ...source, consumer: { name: "edge-1" } }] },
        sources: [{ ...source, lag: 9000, active: 0 }],
      };
      const { js } = connection((subject, body) => {
        if (!subject.includes("PAUSE")) return intake;
        assert.equal(subject, "$JS.edge-1.API.CONSUMER.PAUSE.ops.edge-1".replace("$JS.API.", ""));
        const until = Date.parse((body as { pause_until: string }).pause_until);
        told.push((until - date) / 1000);
        return { paused: true, pause_remaining: until * 1e6 - (date + ahead * 1000) * 1e6 };
      });
      const monitor = {
        logs: async () => [[{ bytes: 1e9, copies: false }]],
        linked: async () => [{ server: "nats-0", name: "edge-2.nats-0", account: "EDGE-edge-1" }],
      } as unknown as Monitor;
      const plan = { ...lonePlan, brake: { stream: "in", account: "STORE", above: 1e6 } };
      const log = new Log(() => {});
      const clock = () => ({ date, uptime: 100 });
      const controller = new Controller({ plan, jetStream: js, monitor, log, clock, mine: () => true });
      await controller.brake();
      assert.deepEqual(told, wanted);
    });
  }
});

describe("controller: pages", () => {
  const seen: Observed = {
    servers: [
      { name: "nats-0", id: "x", sick: false },
      { name: "nats-1", id: undefined, sick: false },
    ],
    streams: {
      in: {
        is: "there",
        info: {
          config: { name: "in", max_bytes: 100, discard: "old" },
          created: "",
          state: { messages: 3, bytes: 40, first_seq: 1, first_ts: "1970-01-01T00:00:00Z", last_seq: 3 },
          sources: [
            { name: "own-nats-0", lag: 1, active: 1 },
            { name: "ops", lag: 7, active: 2e9, external: { api: "$JS.edge-1.API", deliver: "up.edge-1" } },
            { name: "ops", lag: 0, active: -1, external: { api: "$JS.edge-2.API", deliver: "up.edge-2" } },
          ],
        } satisfies StreamInfo,
      },
      ops: { is: "missing" },
    },
    consumers: {},
    linked: [{ server: "nats-0", name: "edge-2.nats-0", account: "EDGE-edge-1" }],
  };
  const memory = { ...BEGINNING, full: ["in"], ends: { leaf: Date.UTC(2027, 0, 1) } };
  const outcome = { actions: [], memory, said: [], warned: [], problems: ["x"], absent: [] };
  const status = statusOf({ ...NO_STREAMS, edges: ["edge-1", "edge-2", "edge-3"] }, seen, outcome, 5000);

  it("have a status of a version", () => {
    assert.deepEqual(status, {
      version: 1,
      time: "1970-01-01T00:00:05.000Z",
      planned: false,
      problems: ["x"],
      servers: [
        { name: "nats-0", runs: true, well: true },
        { name: "nats-1", runs: false, well: false },
      ],
      streams: [
        { name: "in", messages: 3, bytes: 40, limit: 100, full: true, oldest: 5 },
        { name: "ops", messages: undefined, bytes: undefined, limit: undefined, full: false, oldest: undefined },
      ],
      certificates: { leaf: "2027-01-01T00:00:00.000Z" },
      edges: [
        { name: "edge-1", behind: 7, silent: 2, linked: true },
        { name: "edge-2", behind: 0, silent: undefined, linked: false },
        { name: "edge-3", behind: undefined, silent: undefined, linked: false },
      ],
      links: [{ server: "nats-0", name: "edge-2.nats-0", account: "EDGE-edge-1" }],
    } satisfies Status);
  });

  it("are served: health, readiness, metrics, status", async () => {
    let [alive, ready, told]: [boolean, boolean, Status | undefined] = [true, false, undefined];
    const server = pages({ alive: () => alive, ready: () => ready, status: () => told });
    const port = await listening(server);
    const ask = async (path: string, method = "GET") => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
      return [answer.status, await answer.text()] as const;
    };
    try {
      const codes = async () =>
        Promise.all(["/healthz", "/readyz", "/status", "/metrics", "/"].map(async (path) => (await ask(path))[0]));
      assert.deepEqual(await codes(), [200, 503, 503, 200, 404]);
      [alive, ready, told] = [false, true, status];
      assert.deepEqual(await codes(), [503, 200, 200, 200, 404]);
      assert.equal((await ask("/status", "POST"))[0], 405);
      assert.deepEqual(JSON.parse((await ask("/status"))[1]), JSON.parse(JSON.stringify(status)));
      const [, metrics] = await ask("/metrics");
      for (const line of [
        "ops_nats_ready 1",
        "ops_nats_problems 1",
        'ops_nats_server_up{server="nats-1"} 0',
        'ops_nats_stream_bytes{stream="in"} 40',
        'ops_nats_stream_oldest_seconds{stream="in"} 5',
        "ops_nats_links 1",
        'ops_nats_edge_linked{edge="edge-1"} 1',
        'ops_nats_edge_linked{edge="edge-2"} 0',
        'ops_nats_edge_behind_messages{edge="edge-1"} 7',
        'ops_nats_edge_silent_seconds{edge="edge-1"} 2',
        `ops_nats_certificate_end_timestamp_seconds{of="leaf"} ${Date.UTC(2027, 0, 1) / 1000}`,
      ])
        assert.ok(metrics.split("\n").includes(line), line);
      assert.doesNotMatch(metrics, /silent_seconds\{edge="edge-2"\}/);
      const page = await readFile(join(PROJECT, "docs/reference/metrics.md"), "utf8");
      const named = [...metrics.matchAll(/^# HELP (ops_nats_\S+)/gm)].map(([, name]) => name);
      const listed = [...page.matchAll(/^\| `(ops_nats_\w+)` \|/gm)].map(([, name]) => name);
      assert.deepEqual(listed.sort(), named.sort());
    } finally {
      server.close();
    }
  });
});

describe("controller: what servers tell by themselves", () => {
  it("has it look: of what is planned, and of nothing that others make", () => {
    const callbacks = new Map<string, (error: Error | null, message: { subject: string }) => void>();
    const subscribe = (subject: string, { callback }: { callback: () => void }) =>
      void callbacks.set(subject, callback);
    const noticed: string[] = [];
    watchAdvisories({ subscribe } as never, lonePlan, (subject) => noticed.push(subject));
    const tell = (subject: string) =>
      callbacks.get(`${subject.split(".").slice(0, 5).join(".")}.>`)?.(null, { subject });
    const all = ["STREAM.UPDATED.ops", "STREAM.DELETED.ops", "CONSUMER.DELETED.ops.edge-1"];
    const others = ["STREAM.UPDATED.another", "CONSUMER.DELETED.ops.of-a-reader"];
    for (const what of [...all, ...others]) tell(`$JS.EVENT.ADVISORY.${what}`);
    assert.deepEqual(
      noticed,
      all.map((what) => `$JS.EVENT.ADVISORY.${what}`),
    );
  });
});

describe("controller: pages that many ask for", () => {
  it("are still there for others: one address has sixteen connections, and what says nothing is ended", async () => {
    const server = pages({ alive: () => true, ready: () => true, status: () => undefined });
    const port = await listening(server);
    const sockets = Array.from({ length: 40 }, () => connectTo({ port, host: "127.0.0.1", localAddress: "127.0.0.2" }));
    try {
      const ended = () => sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
      for (const socket of sockets) socket.resume().on("error", () => {});
      const until = Date.now() + 5000;
      while (ended() < 24 && Date.now() < until) await pause(10);
      assert.equal(ended(), 24);
      assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
});

describe("controller: strays on a connection", () => {
  type Callback = (error: Error | null, message: { subject: string }) => void;
  function watched() {
    const callbacks: Callback[] = [];
    let ended = 0;
    const subscribe = (_: string, { callback }: { callback: Callback }) => {
      callbacks.push(callback);
      return { unsubscribe: () => ended++ };
    };
    const lines: string[] = [];
    const log = new Log((line) => lines.push(JSON.parse(line).message));
    const watch = new StrayWatch({ subscribe } as never, { edge: "edge-1", subject: "ops.clusters.>" }, log, 60);
    const hear = (subject: string) => callbacks.at(-1)?.(null, { subject });
    return { watch, hear, lines, callbacks, ended: () => ended };
  }

  it("are told each period, and not again", () => {
    const { watch, hear, lines } = watched();
    for (let i = 0; i < 3; i++) hear("ops.clusters.default.a.b");
    watch.tick();
    watch.tick();
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /default\.> are not carried to the primary \(3 in the last 60 s\)/);
  });

  it("of a flood cost so many and no more, until the next period", () => {
    const { watch, hear, lines, callbacks, ended } = watched();
    for (let i = 0; i < MOST + 5; i++) hear(`ops.clusters.n${i % 2000}.a`);
    assert.deepEqual([ended(), callbacks.length], [1, 1]);
    watch.tick();
    assert.equal(callbacks.length, 2);
    assert.match(lines[0] ?? "", /at least/);
    assert.match(lines.at(-1) ?? "", /events of 980 more names/);
  });

  it("that may not be heard are said not to be counted, and tried again", () => {
    const { watch, callbacks, lines } = watched();
    callbacks[0]?.(new Error("Permissions Violation"), { subject: "" });
    watch.tick();
    assert.deepEqual(
      [callbacks.length, lines],
      [2, ["events under other names are not counted for now: Permissions Violation"]],
    );
  });
});

describe("controller: its bundle", () => {
  it("is the same in a clone elsewhere, and names no folder of this machine", async () => {
    const text = await bundle();
    const elsewhere = await mkdtemp(join(tmpdir(), "ops-nats-clone-"));
    try {
      for (const name of ["components", "controller", "lib", "nats", "config", "tsconfig.json", "package.json"])
        await cp(join(PROJECT, name), join(elsewhere, name), { recursive: true });
      await symlink(join(PROJECT, "node_modules"), join(elsewhere, "node_modules"));
      const { bundle: other } = (await import(join(elsewhere, "components/controllerBundle.ts"))) as {
        bundle: typeof bundle;
      };
      assert.ok((await other()) === text, "another text");
    } finally {
      await rm(elsewhere, { recursive: true });
    }
    assert.ok(text.length > 50_000 && text.length < 500_000, String(text.length));
    assert.ok(!text.includes(process.cwd()));
  });
});
