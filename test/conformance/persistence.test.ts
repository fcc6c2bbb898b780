// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { serverToolchain } from "../../sandbox/toolchain/toolchain.ts";
import { Heard, newTag } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { siteOf } from "../harness/processes/site.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";

const EDGES = ["edge-1", "edge-2"];

describe("a primary with persistence", () => {
  const persistence = { enabled: true, size: "1Gi" };
  const listed = [...EDGES, { name: "edge-3", persistence: false }];
  const nats = installed(DEFAULT_VERSION, { listed, edges: [...EDGES, "edge-3"], primary: { persistence } });

  it("has every event once in ops, and a live subscriber of each server gets it once", async () => {
    const listeners = [];
    for (const server of nats().cluster("primary").servers)
      listeners.push(await Heard.on(await nats().client(server), "ops.>"));
    const tag = newTag();
    const wanted: string[] = [];
    for (const name of [...EDGES, "edge-3", "primary"]) {
      for (const ordinal of nats().cluster(name).servers.keys()) {
        const connection = await nats().client(nats().server(name, ordinal));
        for (const subject of [`ops.clusters.${name}.x`, "ops.notifications.n"]) {
          const event = `${tag} ${name} ${ordinal} ${subject}`;
          wanted.push(event);
          connection.publish(subject, event);
        }
        await connection.flush();
      }
    }
    for (const listener of listeners) {
      const all = () => listener.events.filter((event) => event.startsWith(tag)).length >= wanted.length;
      await until("all events at a live subscriber", all, () => listener.events, 120);
      assert.deepEqual([...listener.events].sort(), [...wanted].sort());
    }
    const app = await nats().client(nats().server("primary"));
    const consumer = await jetstream(app).consumers.get("ops");
    const kept: string[] = [];
    for await (const message of await consumer.fetch({ max_messages: wanted.length, expires: 30_000 }))
      kept.push(message.string());
    assert.deepEqual(kept.sort(), [...wanted].sort());
    assert.equal((await (await jetstreamManager(app)).streams.info("ops")).state.messages, wanted.length);
  });

  /** What Ops' client prints, a line each: an empty one for no events. @throws Error when it was refused, or told "no responders" */
  const ask = async (command: string, ...rest: string[]) => {
    const { app } = nats().deployed.logins;
    const url = `nats://${app.user}:${app.password}@127.0.0.1:${nats().server("primary").ports.client}`;
    const program = (await serverToolchain()).program("ops-client");
    return (await promisify(execFile)(program, [command, url, ...rest])).stdout.trim().split("\n");
  };

  it("answers Ops' own questions, by its library: subjects, and events by subject without a stream's name", async () => {
    const clusters = [...EDGES, "edge-3", "primary"].map((name) => `ops.clusters.${name}.x`);
    assert.deepEqual(await ask("subjects"), [...clusters, "ops.notifications.n"].sort());
    const all = await ask("query", "ops.>");
    assert.equal(all.length, 12);
    assert.equal(new Set(all).size, 12);
    for (const subject of ["ops.clusters.edge-1.>", "ops.clusters.edge-1.x"]) {
      const lines = await ask("query", subject);
      assert.deepEqual(
        lines.map((line) => line.split(" ")[0]),
        ["ops.clusters.edge-1.x"],
        subject,
      );
    }
    assert.deepEqual(await ask("query", "ops.clusters.edge-9.>"), [""]);
  });

  // with more than one connection between two servers, one or two in a hundred got none (decision 12)
  it("answers each of 300 such questions in a row, none with nothing or no responders", async () => {
    const [first = ""] = await ask("query", "ops.clusters.edge-1.x");
    assert.match(first, /^ops\.clusters\.edge-1\.x .+ edge-1 /);
    for (let asked = 1; asked <= 300; asked++)
      assert.deepEqual(await ask("query", "ops.clusters.edge-1.>"), [first], `question ${asked}`);
  });

  it("lets app read and not write: no stream of its own, no change of ops, nothing of the others", async () => {
    const app = await nats().client(nats().server("primary"));
    const manager = await jetstreamManager(app);
    await assert.rejects(manager.streams.add({ name: "mine", subjects: ["mine"] }));
    await assert.rejects(manager.streams.purge("ops"));
    await assert.rejects(manager.streams.delete("ops"));
    await assert.rejects(manager.streams.info("in"));
    await assert.rejects(manager.consumers.delete("in", "x"));
    assert.equal((await manager.streams.info("ops")).state.messages, 12);
  });

  it("lets nobody purge what is kept, in the account of the streams either", async () => {
    const client = await siteOf(nats(), []).controller();
    try {
      const manager = await jetstreamManager(client);
      for (const name of ["in", "ops"]) {
        await assert.rejects(manager.streams.purge(name), /purge not permitted|not permitted/i, name);
        assert.ok((await manager.streams.info(name)).state.messages >= 12, name);
      }
    } finally {
      await client.close();
    }
  });

  it("takes as much of the disks as the README says", async () => {
    const readme = await readFile(join(import.meta.dirname, "../../docs/concepts/persistence.md"), "utf8");
    const [, atEdge, atPrimary, characters] =
      /about (\d+) more at the edge, (\d+) more in each of the primary's two streams\s+\(measured, subjects of (\d+) char/.exec(
        readme,
      ) ?? [];
    const [events, size] = [1000, 500];
    const subject = "ops.clusters.edge-2.".padEnd(Number(characters), "s");
    const edge = await nats().connect(nats().server("edge-2"), nats().login("edge-2"));
    const store = await nats().connect(nats().server("primary"), nats().deployed.controller.login);
    const state = async (connection: NatsConnection, name: string) =>
      (await (await jetstreamManager(connection)).streams.info(name)).state;
    const used = async () => [
      (await state(edge, "ops")).bytes,
      (await state(store, "in")).bytes + (await state(store, "ops")).bytes,
    ];
    const [before, last] = [await used(), (await state(store, "ops")).last_seq];
    for (let i = 0; i < events; i++) edge.publish(subject, "x".repeat(size));
    await edge.flush();
    const arrived = async () => (await state(store, "ops")).last_seq >= last + events;
    await until("the events", arrived, () => nats().controller("primary").log, 60);
    const after = await used();
    for (const [i, [told, copies]] of [[atEdge, 1] as const, [atPrimary, 2] as const].entries()) {
      const more = ((after[i] ?? 0) - (before[i] ?? 0)) / events / copies - size;
      assert.ok(more <= Number(told) * 1.05 && more > Number(told) * 0.6, `${more} more, not ${told}`);
    }
  });

  it("takes the same Nats-Msg-Id from two edges for two events", async () => {
    const app = await nats().client(nats().server("primary"));
    const listener = await Heard.on(app, "ops.clusters.*.id");
    for (const name of EDGES) {
      const connection = await nats().client(nats().server(name));
      const header = headers();
      header.set("Nats-Msg-Id", "one and the same");
      connection.publish(`ops.clusters.${name}.id`, name, { headers: header });
      await connection.flush();
    }
    await until(
      "events of both",
      () => EDGES.every((name) => listener.has(name)),
      () => listener.events,
      120,
    );
    const { state } = await (await jetstreamManager(app)).streams.info("ops", { subjects_filter: "ops.clusters.*.id" });
    assert.deepEqual(state.subjects, Object.fromEntries(EDGES.map((name) => [`ops.clusters.${name}.id`, 1])));
    await app.close();
  });

  it("keeps what an edge had said that is taken from the list, and no more; given back, it hands over what is left", async () => {
    const app = await nats().client(nats().server("primary"));
    const manager = await jetstreamManager(app);
    const edge = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
    const subject = `ops.clusters.edge-1.${newTag()}`;
    const has = async () => {
      const { state } = await manager.streams.info("ops", { subjects_filter: subject });
      return state.subjects?.[subject] ?? 0;
    };
    const say = async (text: string) => {
      edge.publish(subject, text);
      await edge.flush();
    };
    await say("listed");
    await until("the event", async () => (await has()) === 1, has, 120);
    await nats().list(listed.slice(1));
    await nats().controller("primary").planned();
    await say("not listed");
    // another edge's event has come all the way since
    const other = await nats().connect(nats().server("edge-2"), nats().login("edge-2"));
    const listener = await Heard.on(app, "ops.clusters.edge-2.>");
    const sign = newTag();
    other.publish("ops.clusters.edge-2.sign", sign);
    await until(
      "another's",
      () => listener.has(sign),
      () => listener.events,
      120,
    );
    await pause(1000);
    assert.equal(await has(), 1);
    await nats().list(listed);
    await nats().controller("primary").planned();
    // a request that was refused in between is made again after 12 s, then 22, 32 and so on (stream.go of 2.15.3, calculateRetryBackoff)
    await until("what was left", async () => (await has()) === 2, has, 240);
  });

  it("files events that the primary says under its own name, whoever they name, and nothing else below ops", async () => {
    const app = await nats().client(nats().server("primary"));
    const heard = await Heard.on(app, "ops.>");
    const tag = newTag();
    app.publish(`ops.other.${tag}`, `${tag} other`);
    app.publish(`ops.clusters.edge-1.${tag}`, `${tag} event`);
    await until(
      "the event",
      () => heard.has(`${tag} event`),
      () => heard.events,
    );
    const manager = await jetstreamManager(app);
    const { state } = await manager.streams.info("ops", { subjects_filter: "ops.>" });
    const found = Object.keys(state.subjects ?? {}).filter((subject) => subject.includes(tag));
    assert.deepEqual(found, [`ops.clusters.primary.${tag}`]);
    assert.ok(!heard.has(`${tag} other`));
    heard.end();
  });

  it("keeps what an entry adds to publish, and hands down what it adds to receive", async () => {
    const wide = {
      name: "edge-2",
      publish: ["audit.*.x", "metrics.>"],
      receive: ["commands.>", "ops.clusters.primary.>"],
    };
    await nats().list(["edge-1", wide, { name: "edge-3", persistence: false }]);
    await nats().controller("primary").planned();
    await nats().redeploy("edge-2");
    nats().nodePort.cut(); // a link has the permissions of the time when it was made
    const [app, edge] = [await nats().client(nats().server("primary")), await nats().client(nats().server("edge-2"))];
    const [up, down] = [await Heard.on(app, ">"), await Heard.on(edge, ">")];
    const tag = newTag();
    const both = ["audit.1.x", "metrics.cpu"];
    await until(
      "what edge-2 may say beside events",
      () => {
        for (const subject of both) edge.publish(subject, `${tag} ${subject}`);
        return both.every((subject) => up.has(`${tag} ${subject}`));
      },
      () => up.events,
      120,
    );
    const atEdge = ["commands.do", "ops.clusters.primary.x"];
    await until(
      "what it may receive",
      () => {
        for (const subject of atEdge) app.publish(subject, `${tag} ${subject}`);
        return atEdge.every((subject) => down.has(`${tag} ${subject}`));
      },
      () => down.events,
      120,
    );
    const manager = await jetstreamManager(app);
    const { state } = await manager.streams.info("ops", { subjects_filter: ">" });
    assert.ok(both.every((subject) => (state.subjects?.[subject] ?? 0) > 0));
  });

  it("takes another list of edges while one of its servers is down", async () => {
    const controller = nats().controller("primary");
    await nats().server("primary", 2).kill();
    await controller.says("do not answer: nats-2", 30);
    const before = controller.log.length;
    await nats().list([...listed, "edge-9"]);
    await controller.planned();
    await controller.says("all streams are as planned, but those of servers that do not answer", 10, before);
    const store = await nats().connect(nats().server("primary"), nats().deployed.controller.login);
    const { config } = await (await jetstreamManager(store)).streams.info("in");
    assert.ok(config.sources?.some(({ external }) => external?.deliver === "up.edge-9"));
    await nats().server("primary", 2).start();
    await controller.says("do not answer: none", 60);
  });
});
