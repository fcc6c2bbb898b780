// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect, createServer, type Server, type Socket } from "node:net";
import type { NatsServer } from "./natsServer.ts";
import { listening } from "./ports.ts";

const END = Buffer.from("\r\n");

/** What a client or a server says, one line of the protocol with its payload at a time (https://docs.nats.io/reference/reference-protocols/nats-protocol). */
class Operations {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns those that are whole by now, each with its words */
  *in(bytes: Buffer): Generator<{ readonly words: readonly string[]; readonly bytes: Buffer }> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const line = this.#rest.indexOf(END);
      if (line < 0) return;
      const words = this.#rest.subarray(0, line).toString().split(/\s+/);
      const carries = /^H?(PUB|MSG)$/i.test(words[0] ?? "");
      const length = line + END.length + (carries ? Number(words.at(-1)) + END.length : 0);
      if (this.#rest.length < length) return;
      yield { words, bytes: this.#rest.subarray(0, length) };
      this.#rest = this.#rest.subarray(length);
    }
  }
}

/** Ports by which a client reaches servers, but for requests and answers that a test takes away. */
export class NatsRelay {
  /** A request on a subject that has this in it is not sent on. */
  refused: string | undefined;
  /** How many were not. */
  refusals = 0;
  /** The answer to one is not; what it asks for is done. */
  missed: string | undefined;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  async of(servers: readonly NatsServer[]): Promise<readonly string[]> {
    const urls: string[] = [];
    for (const { ports } of servers) {
      const server = createServer((client) => this.#relay(client, connect(ports.client, "127.0.0.1")));
      this.#servers.push(server);
      urls.push(`nats://127.0.0.1:${await listening(server)}`);
    }
    return urls;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #relay(client: Socket, server: Socket): void {
    const unanswered = new Set<string>();
    const [asked, answered] = [new Operations(), new Operations()];
    const has = (words: readonly string[], part: string | undefined) => part !== undefined && words[1]?.includes(part);
    client.on("data", (bytes: Buffer) => {
      for (const { words, bytes: all } of asked.in(bytes)) {
        const isRequest = /^H?PUB$/i.test(words[0] ?? "");
        if (isRequest && has(words, this.refused)) {
          this.refusals++;
          continue;
        }
        if (isRequest && has(words, this.missed)) unanswered.add(words[2] ?? "");
        server.write(all);
      }
    });
    server.on("data", (bytes: Buffer) => {
      for (const { words, bytes: all } of answered.in(bytes))
        if (!(/^H?MSG$/i.test(words[0] ?? "") && unanswered.delete(words[1] ?? ""))) client.write(all);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy()); // the server is being ended, or the client
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
