// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Monitor } from "../../../controller/monitor.ts";

describe("controller: pages of servers", () => {
  let server: Server;
  let monitor: Monitor;
  let connections = 0;
  /** MiB of the page that has no end. */
  let sent = 0;
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};

  before(async () => {
    server = createServer((request, response) => answer(request, response));
    server.on("connection", () => connections++);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    monitor = new Monitor([{ name: "nats-0", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }]);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const id = '{"server_id":"ONE"}';

  it("are asked for over a connection that stays", async () => {
    answer = (_, response) => response.end(id);
    connections = 0;
    for (let i = 0; i < 5; i++) assert.deepEqual(await monitor.ids(), ["ONE"]);
    assert.equal(connections, 1);
  });

  for (const [what, wrong] of [
    ["say that something is wrong", (_, response) => response.writeHead(500).end(id)],
    ["lead elsewhere", (_, response) => response.writeHead(302, { Location: "/" }).end()],
    ["are no JSON", (_, response) => response.end("<html>")],
    [
      "break off",
      (_, response) => response.writeHead(200, { "Content-Length": 100 }).write(id, () => response.destroy()),
    ],
    ["never come", () => {}],
  ] as const satisfies readonly (readonly [string, typeof answer])[]) {
    it(`that ${what} are none, and the next one is asked for as ever`, async () => {
      answer = wrong;
      assert.deepEqual(await monitor.ids(), [undefined]);
      answer = (_, response) => response.end(id);
      assert.deepEqual(await monitor.ids(), ["ONE"]);
    });
  }

  it("are taken up to 32 MiB: one that has no end is none", async () => {
    sent = 0;
    answer = (_, response) => endless(response);
    const started = performance.now();
    assert.deepEqual(await monitor.ids(), [undefined]);
    // or it was ended by its time, which says nothing
    if (performance.now() - started < 1900) assert.ok(sent > 30 && sent < 64, `${sent} MiB`);
    else assert.ok(sent < 64, `${sent} MiB in two seconds`);
  });

  /** A MiB at a time, until nobody takes more. */
  function endless(response: ServerResponse): void {
    const part = Buffer.alloc(2 ** 20, " ");
    const more = () => {
      while (!response.destroyed) {
        sent++;
        if (!response.write(part)) break;
      }
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  }
});
