// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { AuthorizationError, connect, NoRespondersError, nkeyAuthenticator } from "@nats-io/transport-node";
import { edgeNkey } from "../../nats/nkeys.ts";
import type { Login } from "../../nats/users.ts";
import { installed } from "../harness/processes/installed.ts";
import { RawLeaf } from "../harness/processes/rawLeaf.ts";
import { onEachVersion } from "../harness/processes/versions.ts";

onEachVersion("refused", (version) => {
  const nats = installed(version, { listed: ["edge-1"], edges: ["edge-1"] });

  async function leafAccepted(login: Parameters<typeof RawLeaf.connect>[2]): Promise<boolean> {
    const leaf = await RawLeaf.connect(nats().nodePort.port, "raw", login);
    const accepted = await leaf.accepted();
    leaf.close();
    return accepted;
  }
  const logins = () => nats().deployed.logins;
  const edge1 = () => nats().deployed.link("edge-1");

  it("an anonymous leaf; one with the login of a listed edge is taken", async () => {
    assert.equal(await leafAccepted(edge1()), true);
    assert.equal(await leafAccepted(undefined), false);
  });

  it("a leaf with a key that nobody has listed, with the edge's name, or with the login of app or admin", async () => {
    assert.equal(await leafAccepted(edgeNkey("another root key", "edge-1")), false);
    assert.equal(await leafAccepted({ user: "edge-1", password: "guess" }), false);
    assert.equal(await leafAccepted(logins().app), false);
    assert.equal(await leafAccepted(logins().admin), false);
  });

  it("the login of an edge used by a client", async () => {
    const server = nats().server("primary");
    const authenticator = nkeyAuthenticator(Buffer.from(edge1().seed));
    const servers = `127.0.0.1:${server.ports.client}`;
    await assert.rejects(connect({ servers, authenticator, reconnect: false }), AuthorizationError);
    await nats().connect(server, logins().app);
  });

  it("a client without a login, at every server of the primary and of the edge", async () => {
    const servers = [...nats().cluster("primary").servers, nats().server("edge-1")];
    for (const server of servers) {
      await assert.rejects(nats().connect(server, undefined), AuthorizationError, server.name);
      await nats().connect(server, logins().app);
    }
  });

  it("the system account for app: its questions have no answer, admin's have one of each server", async () => {
    const question = "$SYS.REQ.SERVER.PING";
    const ask = async (login: Login, where: string, answers: number) => {
      const connection = await nats().connect(nats().server(where), login);
      const names: string[] = [];
      const options = { maxWait: 20_000, maxMessages: answers, strategy: "count" as const };
      for await (const answer of await connection.requestMany(question, "", options)) {
        names.push(answer.json<{ server: { name: string } }>().server.name);
      }
      return names.sort();
    };
    const three = nats()
      .cluster("primary")
      .servers.map(({ name }) => name);
    assert.deepEqual(await ask(logins().admin, "primary", 3), three);
    assert.deepEqual(await ask(logins().admin, "edge-1", 1), ["edge-1.nats-0"]);
    for (const where of ["primary", "edge-1"]) {
      await assert.rejects(ask(logins().app, where, 1), NoRespondersError, where);
    }
  });

  it("a subscription of app to the system account's events", async () => {
    const server = nats().server("primary");
    const [app, admin] = [await nats().connect(server, logins().app), await nats().connect(server, logins().admin)];
    const heard = { app: 0, admin: 0 };
    app.subscribe("$SYS.>", { callback: () => void heard.app++ });
    admin.subscribe("$SYS.>", { callback: () => void heard.admin++ });
    await Promise.all([app.flush(), admin.flush()]);
    const other = await nats().connect(server, logins().app);
    await other.close();
    await Promise.all([admin.request("$SYS.REQ.SERVER.PING", "", { timeout: 20_000 }), app.flush()]);
    assert.ok(heard.admin > 0);
    assert.equal(heard.app, 0);
  });
});
