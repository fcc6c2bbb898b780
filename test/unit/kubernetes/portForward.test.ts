// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { PortForward } from "@kubernetes/client-node";
import { portForwardGet } from "../../../kubernetes/portForward.ts";

describe("a page of a pod, by a port forward", () => {
  const server = createServer((request, response) => {
    if (request.url === "/silent") return;
    if (request.url === "/missing") response.statusCode = 404;
    response.end("x".repeat(Number(request.url?.slice(1)) || 0));
  });
  before((done) => void server.listen(0, "127.0.0.1", done));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const asked = (path: string) => ({ namespace: "events", pod: "nats-0", port: 8222, path });

  /** A forward as Kubernetes' is: it hands bytes on, and does not tell when the other end closes. */
  const forward = {
    async portForward(_n: string, _p: string, _ports: number[], output: Writable, errors: Writable, input: Readable) {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      socket.on("data", (part) => output.write(part));
      errors.write(Buffer.alloc(0));
      input.on("data", (part) => socket.write(part));
      return { close: () => socket.destroy() };
    },
  } as unknown as PortForward;

  for (const size of [1, 2000, 5000, 300_000]) {
    it(`of ${size} bytes comes whole`, async () => {
      assert.equal((await portForwardGet(forward, asked(`/${size}`))).length, size);
    });
  }

  it("that is not there, or does not come, is an error", async () => {
    await assert.rejects(portForwardGet(forward, asked("/missing")), /404 Not Found/);
    await assert.rejects(
      portForwardGet(forward, asked("/silent"), 0.1),
      /no answer of nats-0:8222\/silent within 0.1 s/,
    );
  });

  it("that is refused by the API server's event tells its message, as an Error", async () => {
    const refused = { portForward: () => Promise.reject({ message: "Unexpected server response: 403" }) };
    await assert.rejects(portForwardGet(refused as unknown as PortForward, asked("/1")), (error: unknown) => {
      return error instanceof Error && /403/.test(error.message);
    });
  });
});
