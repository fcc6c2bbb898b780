// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Login } from "../../nats/users.ts";
import { Heard, heardOnce } from "../harness/processes/heard.ts";
import { Installation } from "../harness/processes/installation.ts";
import { NatsServer } from "../harness/processes/natsServer.ts";
import { RawLeaf } from "../harness/processes/rawLeaf.ts";
import { podPorts } from "../harness/processes/statefulSet.ts";
import { until } from "../harness/processes/until.ts";
import { onEachVersion, serverProgram } from "../harness/processes/versions.ts";

const [TEAM, OPS]: [Login, Login] = [
  { user: "team", password: 'p w"$\\@/:' },
  { user: "ops", password: "pw-of-the-hub" },
];
const extraAccounts = { TEAM: { users: [TEAM] } };
const EVENT = "ops.clusters.edge-1.nodes.n";

onEachVersion("what a user adds", (version) => {
  let folder = "";
  let nats: Installation;
  /** Another hub than the primary, and a server that is a leaf of the edge. */
  const others = new Map<string, NatsServer>();

  async function another(name: string, ports: Awaited<ReturnType<typeof podPorts>>, conf: string): Promise<void> {
    const own = ports[0] ?? assert.fail();
    const head = `server_name: ${name}\nhost: 127.0.0.1\nport: ${own.client}\nhttp_port: ${own.monitor}\n`;
    await writeFile(join(folder, name), `${head}${conf}`);
    const server = new NatsServer(await serverProgram(version), name, join(folder, name), own);
    others.set(name, server);
    await server.start();
  }
  const login = ({ user, password }: Login) => `user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)}`;

  before("install, then start the others", async function () {
    this.timeout(120_000);
    folder = await mkdtemp(join(tmpdir(), "ops-nats-conformance-"));
    const [hub, below] = [await podPorts(1), await podPorts(1)];
    const urls = [`nats-leaf://127.0.0.1:${hub[0]?.leaf}`];
    const extraRemotes = [
      { account: "TEAM", urls, ...TEAM },
      { urls, ...OPS },
    ];
    nats = new Installation(version, {
      listed: ["edge-1"],
      edges: ["edge-1"],
      primary: { replicas: 1, extraAccounts },
      edge: { extraAccounts, extraRemotes, leafPort: 32222 },
    });
    await nats.start();
    const accounts = `accounts { TEAM { users: [{ ${login(TEAM)} }] }, OPS { users: [{ ${login(OPS)} }] } }\n`;
    await another("hub", hub, `${accounts}leafnodes { host: 127.0.0.1, port: ${hub[0]?.leaf} }\n`);
    const edge = nats.server("edge-1");
    const url = `nats-leaf://${encodeURIComponent(TEAM.user)}:${encodeURIComponent(TEAM.password)}@127.0.0.1:${edge.ports.leaf}`;
    await another("below", below, `leafnodes { remotes: [{ url: ${JSON.stringify(url)} }] }\n`);
    await until(
      "the edge's four links",
      async () => (await edge.leafs()).length === 4,
      async () => edge.log,
    );
  });
  afterEach("show logs of a failure", function () {
    if (this.currentTest?.isFailed()) console.error(nats.logs());
  });
  after("take down", async () => {
    await nats.stop();
    for (const server of others.values()) await server.kill();
    await rm(folder, { recursive: true });
  });

  const at = (name: string, who?: Login) => nats.connect(others.get(name) ?? nats.server(name), who);

  it("an account beside ours, at both roles: its users hear each other, and none of the events", async () => {
    for (const name of ["primary", "edge-1"]) {
      const [team, app] = [await at(name, TEAM), await at(name, nats.login(name))];
      const theirs = await Heard.on(await at(name, TEAM), ">");
      const ours = await Heard.on(await at(name, nats.login(name)), ">");
      await heardOnce(app, EVENT, [ours]);
      await heardOnce(team, "team.word", [theirs]);
      await heardOnce(app, EVENT, [ours]);
      assert.deepEqual(
        theirs.events.filter((event) => ours.has(event)),
        [],
      );
    }
  });

  it("a second remote beside ours: events reach the primary and the other hub, once each", async () => {
    const listeners = [
      await Heard.on(await at("primary", nats.login("primary")), "ops.>"),
      await Heard.on(await at("hub", OPS), "ops.>"),
    ];
    await heardOnce(await at("edge-1", nats.login("edge-1")), EVENT, listeners);
    for (const listener of listeners) assert.deepEqual(listener.doubles(), []);
  });

  it("a second remote of another account: what its users say crosses it both ways", async () => {
    const [hub, edge] = [await at("hub", TEAM), await at("edge-1", TEAM)];
    await heardOnce(edge, "team.up", [await Heard.on(hub, "team.*")]);
    await heardOnce(hub, "team.down", [await Heard.on(edge, "team.*")]);
  });

  it("a leaf listener at an edge: a leaf of it hears its account; without a login, or with app's, none gets in", async () => {
    const [below, edge] = [await at("below"), await at("edge-1", TEAM)];
    await heardOnce(edge, "team.word", [await Heard.on(below, ">")]);
    await heardOnce(below, "team.answer", [await Heard.on(edge, ">")]);
    const accepted = async (who: Login | undefined) => {
      const leaf = await RawLeaf.connect(nats.server("edge-1").ports.leaf, "raw", who);
      const answer = await leaf.accepted();
      leaf.close();
      return answer;
    };
    assert.equal(await accepted(TEAM), true);
    for (const who of [undefined, nats.login("edge-1"), { ...TEAM, password: "wrong" }]) {
      assert.equal(await accepted(who), false, who?.user);
    }
  });
});
