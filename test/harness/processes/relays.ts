// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createServer, type Server } from "node:http";
import { monitorOf } from "./controllerProcess.ts";
import type { NatsServer } from "./natsServer.ts";
import { listening } from "./ports.ts";

export interface Page {
  readonly status: number;
  readonly text: string;
}

/** Ports that say what servers' monitoring ports say, but for what a test would have them say. */
export class Relays {
  readonly #servers: Server[] = [];

  /** @param change what becomes of a page: its path with what is asked for, as `/healthz?js-server-only=true` */
  async of(servers: readonly NatsServer[], change: (path: string, page: Page) => Page): Promise<readonly string[]> {
    const urls: string[] = [];
    for (const { ports } of servers) {
      const server = createServer(({ url = "/" }, response) => {
        const relay = async () => {
          const answer = await fetch(`${monitorOf(ports)}${url}`);
          const { status, text } = change(url, { status: answer.status, text: await answer.text() });
          response.writeHead(status).end(text);
        };
        relay().catch(() => response.writeHead(502).end()); // the server is being ended
      });
      this.#servers.push(server);
      urls.push(`http://127.0.0.1:${await listening(server)}`);
    }
    return urls;
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }
}
