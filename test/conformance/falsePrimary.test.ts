// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { fromSeed } from "@nats-io/nkeys";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { EdgeLink } from "../../nats/edgeLogin.ts";
import { type Deployed, deployEdge, deployPrimary } from "../harness/processes/deployed.ts";
import { NatsServer } from "../harness/processes/natsServer.ts";
import { freePort } from "../harness/processes/ports.ts";
import { podPorts, StatefulSet } from "../harness/processes/statefulSet.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION, serverProgram } from "../harness/processes/versions.ts";

const STREAM = "ops";
const EVENT = "ops.clusters.edge-1.x";
/** Where a client of the edge waits for an answer. */
const ANSWER = "_INBOX.waiting";

// Somebody at an address that the primary once had, or on the way, where links are plain (with TLS nobody gets so far: tls.test.ts).
describe(`a false primary at the address of an edge's link, nats-server ${DEFAULT_VERSION}`, () => {
  let folder = "";
  let leafPort = 0;
  let link: EdgeLink;
  let edge: Deployed;
  let set: StatefulSet;
  let app: NatsConnection;
  const others: NatsConnection[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "ops-nats-conformance-"));
    leafPort = await freePort();
    const persistence = { enabled: true, size: "1Gi" };
    const primary = await deployPrimary({ hosts: ["127.0.0.1"], leafPort: 30000, edges: ["edge-1"], persistence });
    link = { ...primary.link("edge-1"), urls: [`nats-leaf://127.0.0.1:${leafPort}`] };
    edge = await deployEdge("edge-1", link, {});
    set = new StatefulSet(await serverProgram(DEFAULT_VERSION), "edge-1", join(folder, "edge"), await podPorts(1));
    await set.write(edge);
    await set.start();
    await set.healthy();
    app = await client(set.servers[0]?.ports.client, edge.logins.app);
    const { streams, consumers } = await jetstreamManager(app);
    await streams.add({ name: STREAM, subjects: [EVENT] });
    await consumers.add(STREAM, { durable_name: "edge-1", ack_policy: "explicit" });
    for (let i = 0; i < 20; i++) app.publish(EVENT, `event ${i}`);
    await until("all to be stored", async () => (await streams.info(STREAM)).state.messages === 20);
  });
  after(async () => {
    await Promise.all([app, ...others].map((one) => one?.close()));
    await set?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  async function client(port: number | undefined, { user, password }: { user: string; password: string }) {
    return connect({ servers: `127.0.0.1:${port}`, user, pass: password, timeout: 5000, reconnect: false });
  }

  /** What the edge still has, and that is all. */
  async function untouched(): Promise<void> {
    const { streams, consumers } = await jetstreamManager(app);
    assert.equal((await streams.info(STREAM)).state.messages, 20);
    assert.ok(await consumers.info(STREAM, "edge-1"));
    assert.deepEqual((await streams.names().next()).sort(), [STREAM]);
  }

  const API = "$JS.edge-1.API";
  const REQUESTS: readonly (readonly [subject: string, body: string])[] = [
    [`${API}.INFO`, ""],
    [`${API}.STREAM.NAMES`, ""],
    [`${API}.STREAM.INFO.${STREAM}`, ""],
    [`${API}.STREAM.MSG.GET.${STREAM}`, '{"seq":1}'],
    [`${API}.DIRECT.GET.${STREAM}`, '{"seq":1}'],
    [`${API}.STREAM.CREATE.mine`, '{"name":"mine","subjects":["mine"]}'],
    [`${API}.STREAM.PURGE.${STREAM}`, ""],
    [`${API}.CONSUMER.LIST.${STREAM}`, ""],
    [`${API}.CONSUMER.CREATE.${STREAM}.x`, `{"stream_name":"${STREAM}","config":{"name":"x","ack_policy":"none"}}`],
    [`${API}.CONSUMER.MSG.NEXT.${STREAM}.edge-1`, "1"],
    [`${API}.CONSUMER.DELETE.${STREAM}.edge-1`, ""],
    [`${API}.STREAM.DELETE.${STREAM}`, ""],
    ["$JS.API.STREAM.INFO.ops", ""],
    ["$JS.API.STREAM.DELETE.ops", ""],
  ];
  /** A server answers these to its own clients by itself. */
  const SYSTEM = ["$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.USER.INFO", "$SYS.REQ.SERVER.PING"];

  it("that is a nats-server gets no answer of the edge's JetStream or system, and changes nothing", async () => {
    const [ports] = await podPorts(1);
    assert.ok(ports);
    const conf = join(folder, "false.conf");
    const user = (name: string, password: string) => `{ user: "${name}", password: "${password}" }`;
    await writeFile(
      conf,
      `server_name: primary.nats-0
host: 127.0.0.1, port: ${ports.client}, http_port: ${ports.monitor}
accounts { SYS { users: [${user("s", "s")}] }, EDGE { users: [{ nkey: ${fromSeed(Buffer.from(link.seed)).getPublicKey()} }, ${user("e", "e")}] } }
system_account: SYS
leafnodes { host: 127.0.0.1, port: ${leafPort} }
jetstream { domain: primary, store_dir: "${join(folder, "false-store")}" }
`,
    );
    const server = new NatsServer(await serverProgram(DEFAULT_VERSION), "false primary", conf, ports);
    try {
      await server.start();
      await until("the link", async () => (await server.leafs()).length === 1);
      const e = await client(ports.client, { user: "e", password: "e" });
      others.push(e);
      // the primary's own requests do pass: the link works
      const reset = `${API}.CONSUMER.RESET.${STREAM}.edge-1`;
      await until("an answer", async () =>
        (await e.request(reset, "", { timeout: 2000 })).string().includes("consumer"),
      );
      for (const [subject, body] of REQUESTS) {
        await assert.rejects(e.request(subject, body, { timeout: 700 }), /no responders|timeout/i, subject);
      }
      await untouched();
    } finally {
      await server.kill();
    }
  });

  it("that obeys no rules of the protocol changes nothing either", async () => {
    const sockets = new Set<Socket>();
    const said: string[] = [];
    const info = {
      server_id: "X",
      server_name: "primary.nats-0",
      version: "2.15.3",
      proto: 1,
      host: "127.0.0.1",
      port: leafPort,
      leafnode_urls: [`127.0.0.1:${leafPort}`],
      headers: true,
      max_payload: 1_048_576,
      jetstream: true,
      domain: "primary",
      client_id: 5,
      auth_required: true,
    };
    const answers: string[] = [];
    app.subscribe(ANSWER, { callback: (_, message) => void answers.push(message.string()) });
    await app.flush();
    const hub: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      socket.on("data", (data) => {
        const text = String(data);
        said.push(text);
        if (text.includes("PING")) socket.write("PONG\r\n");
        if (!text.includes("CONNECT")) return;
        socket.write(`INFO ${JSON.stringify({ ...info, info_on_connect: true })}\r\nPING\r\n`);
        for (const [subject, body] of [...REQUESTS, ...SYSTEM.map((subject) => [subject, ""] as const)]) {
          socket.write(`LS+ _INBOX.false\r\nLMSG ${subject} _INBOX.false ${body.length}\r\n${body}\r\n`);
        }
        socket.write(`LMSG ${ANSWER} 6\r\nforged\r\n`);
        socket.write(`LMSG ${EVENT} 5\r\nlast!\r\n`);
      });
    }).listen(leafPort, "127.0.0.1");
    try {
      const { streams } = await jetstreamManager(app);
      // what is no request is stored: so all before it has been read
      await until(
        "what the link brings",
        async () => (await streams.info(STREAM)).state.messages > 20,
        () => [...said, set.servers[0]?.log.slice(-1500)],
        20,
      );
      assert.ok(said.some((text) => text.includes("CONNECT")));
      assert.ok(!said.join("").includes("LMSG _INBOX.false"), said.join(""));
      await app.flush();
      assert.deepEqual(answers, []);
      await streams.purge(STREAM, { seq: 1 });
      assert.deepEqual((await streams.names().next()).sort(), [STREAM]);
      assert.ok((await streams.info(STREAM)).state.messages >= 21);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => hub.close(resolve));
    }
  });
});
