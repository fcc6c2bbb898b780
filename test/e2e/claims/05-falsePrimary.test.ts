// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { certificates } from "../../../nats/certificates.ts";
import { bridge, layoutOf } from "../../../sandbox/cluster/layout.ts";
import { leafs, until } from "../../../sandbox/kubectl.ts";
import { cut } from "../../harness/clusters/clusterSite.ts";
import { type World, world } from "../../harness/clusters/world.ts";

/** One of the primary's `hosts`, at which somebody else listens: an address that was the primary's, or a name that leads astray. */
const FALSE = bridge.address;

interface Visit {
  readonly tls: boolean;
  /** All that came before the handshake's end, or with no TLS at all; and after it. */
  raw: string;
  inside: string;
  error?: string;
}

describe("a false primary at one of the primary's hosts", () => {
  let w: World;
  let hub: Server | undefined;
  const visits: Visit[] = [];
  const sockets = new Set<Socket>();

  before(async () => {
    w = await world();
    const { certificate: cert, key } = await certificates("somebody else", "leafs", [FALSE]);
    const info = {
      server_id: "X",
      server_name: "primary.nats-0",
      version: "2.15.3",
      proto: 1,
      headers: true,
      max_payload: 1_048_576,
      jetstream: true,
      domain: "primary",
      nonce: "AAAAAAAAAAAAAAA",
      auth_required: true,
    };
    const server = createServer((socket) => {
      const visit: Visit = { tls: visits.length % 2 === 0, raw: "", inside: "" };
      visits.push(visit);
      sockets.add(socket);
      socket.on("error", () => {});
      // every other one says that it has no TLS, and hopes for a login in clear text
      socket.write(`INFO ${JSON.stringify({ ...info, ...(visit.tls ? { tls_required: true } : {}) })}\r\n`);
      if (!visit.tls) {
        socket.on("data", (data) => {
          visit.raw += data.toString("latin1");
        });
        return;
      }
      const secure = new TLSSocket(socket, { isServer: true, cert, key });
      secure.on("error", ({ message }) => {
        visit.error = message;
      });
      secure.on("data", (data) => {
        visit.inside += data.toString("latin1");
      });
    });
    await new Promise<void>((done, failed) => {
      server.once("error", failed).listen(32222, FALSE, done);
    });
    hub = server;
    await w.ensure("primary", { hosts: [layoutOf("primary").address, FALSE] });
    await w.configure("edge-1"); // it dials what its last up told it
    await w.ensure("edge-1");
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((done) => (hub ? hub.close(() => done()) : done()));
    // the edge forgets the address with its own next up
    await w.ensure("primary");
    await w.configure("edge-1");
    await w.ensure("edge-1");
  });

  it("is dialled when the primary is away, and is told nothing: no login, no event", async () => {
    const mend = await cut("edge-1", "reset");
    try {
      await until(
        "visits of both kinds",
        async () => visits,
        (all) =>
          [true, false].every((tls) => all.some((visit) => visit.tls === tls && (visit.error ?? visit.raw) !== "")),
        60,
      );
    } finally {
      await mend();
    }
    for (const { raw, inside } of visits) {
      assert.equal(inside, "");
      assert.doesNotMatch(raw, /CONNECT|LS\+|PING/);
    }
    const refusals = visits.flatMap(({ error }) => (error === undefined ? [] : [error]));
    assert.ok(
      refusals.every((error) => /alert|unknown ca|bad certificate|ECONNRESET|EPIPE/i.test(error)),
      refusals.join("\n"),
    );
    assert.match(
      await w.kubectl["edge-1"].run(["logs", "nats-0", "-c", "nats"]),
      /TLS leafnode handshake error: .*certificate signed by unknown authority/,
    );
  });

  it("is left for the primary as soon as that can be reached", async () => {
    const one = await until(
      "the link",
      () => leafs(w.kubectl.primary),
      (found) => found.length === 1,
      60,
    );
    assert.equal(one[0]?.account, "EDGE-edge-1");
  });
});
