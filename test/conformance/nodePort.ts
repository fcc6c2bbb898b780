// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect, createServer, type Server, type Socket } from "node:net";

const [LOWEST, HIGHEST] = [30_000, 32_767];

/** The NodePort of a Service: one port in front of all pods, a new connection to the next of them. */
export class NodePort {
  readonly port: number;
  readonly #server: Server;
  readonly #pods: readonly number[];
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #next = 0;
  #passes = true;

  private constructor(server: Server, port: number, pods: readonly number[]) {
    this.port = port;
    this.#server = server;
    this.#pods = pods;
    server.on("connection", (socket) => this.#join(socket));
  }

  static async listen(pods: readonly number[]): Promise<NodePort> {
    for (let tries = 0; tries < 100; tries++) {
      const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
      const server = await listening(port);
      if (server) return new NodePort(server, port, pods);
    }
    throw new Error(`no free port of a hundred tried between ${LOWEST} and ${HIGHEST}`);
  }

  /** By which ports the connections that are open came to the pods: there they are seen as the peers' ports. */
  ports(): readonly number[] {
    return [...this.#pairs].map(([, pod]) => pod.localPort ?? 0);
  }

  /** Cuts all connections, as a router does that was switched off and on. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Cuts all connections and takes no new ones, until `mend`. */
  break(): void {
    this.#passes = false;
    this.cut();
  }

  mend(): void {
    this.#passes = true;
  }

  /** Is broken while something is done, and mended also where that failed; gives the time (milliseconds) when it was mended. */
  async broken(act: () => Promise<unknown>): Promise<number> {
    this.break();
    try {
      await act();
    } finally {
      this.mend();
    }
    return Date.now();
  }

  /** Passes nothing on any more in connections that are open, in silence: both ends still see them open. */
  silence(): void {
    for (const [client, pod] of this.#pairs) {
      for (const socket of [client, pod]) {
        socket.unpipe();
        socket.pause();
      }
    }
  }

  /** Passes on again what was held back in {@link silence}, where both ends are still there. */
  speak(): void {
    for (const [client, pod] of this.#pairs) {
      for (const socket of [client, pod]) socket.unpipe(); // one that was made meanwhile passes on already
      client.pipe(pod).pipe(client);
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    if (!this.#passes) {
      client.destroy();
      return;
    }
    const pod = connect(this.#pods[this.#next++ % this.#pods.length] ?? 0, "127.0.0.1");
    const pair = [client, pod] as const;
    this.#pairs.add(pair);
    const end = () => {
      for (const socket of pair) socket.destroy();
      this.#pairs.delete(pair);
    };
    for (const socket of pair) socket.setNoDelay(true).on("error", end).on("close", end);
    client.pipe(pod).pipe(client);
  }
}

const listening = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
