// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { WithoutSome } from "../../scenarios/withoutSome.ts";

const [LOWEST, HIGHEST] = [30_000, 32_767];

/** How a way between clusters is gone: what is sent is answered with a reset, or with nothing at all. */
export type Gone = "reset" | "dropped";

/** The NodePort of a Service: one port in front of all pods, a new connection to the next of them. */
export class NodePort {
  readonly port: number;
  readonly #server: Server;
  #pods: readonly number[];
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Came while all is silent: they are open at their end, and nobody answers. */
  readonly #held = new Set<Socket>();
  #next = 0;
  #way: "open" | Gone = "open";
  /** Of so many messages one gets lost on connections that are made from now on; none does when it is undefined. */
  #oneOf: number | undefined;
  #lost = 0;
  /** Milliseconds that what passes on connections made from now on takes to the other end. */
  #delay = 0;

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

  /** To which pods new connections go from now on, by their ports. */
  lead(pods: readonly number[]): void {
    this.#pods = pods;
  }

  /**
   * Loses one of so many messages of events, while something is done. Connections are made anew before and after it.
   * @returns how many got lost
   */
  async losing(oneOf: number, act: () => Promise<unknown>): Promise<number> {
    if (this.#delay > 0) throw new Error("a long link cannot lose messages, too");
    this.#oneOf = oneOf;
    this.#lost = 0;
    this.cut();
    try {
      await act();
    } finally {
      this.#oneOf = undefined;
      this.cut();
    }
    return this.#lost;
  }

  /** Is as far away as that: what is sent arrives so many milliseconds later, either way. Connections are made anew. */
  delay(ms: number): void {
    if (this.#oneOf !== undefined || this.#way !== "open") throw new Error("a link that is broken cannot be long, too");
    this.#delay = ms;
    this.cut();
  }

  /** Cuts all connections, as a router does that was switched off and on. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Passes nothing on, until `mend`: by a reset of all connections and of new ones, or in silence, where all ends see theirs open. */
  break(how: Gone = "reset"): void {
    if (this.#delay > 0 && how === "dropped") throw new Error("a long link cannot be silent, too");
    if (this.#oneOf !== undefined && how === "dropped")
      throw new Error("a link that loses messages cannot be silent, too");
    this.#way = how;
    if (how === "reset") this.cut();
    else for (const [client, pod] of this.#pairs) for (const socket of [client, pod]) socket.unpipe().pause();
  }

  /** Passes on again, also what was held back in silence where both ends are still there. */
  mend(): void {
    this.#way = "open";
    for (const [client, pod] of this.#pairs) {
      for (const socket of [client, pod]) socket.unpipe();
      client.pipe(pod).pipe(client);
    }
    for (const socket of this.#held) this.#pass(socket);
    this.#held.clear();
  }

  /** Is broken while something is done, and mended also where that failed; gives the time (milliseconds) when it was mended. */
  async broken(act: () => Promise<unknown>, how?: Gone): Promise<number> {
    this.break(how);
    try {
      await act();
    } finally {
      this.mend();
    }
    return Date.now();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    for (const socket of this.#held) socket.destroy();
    await closed;
  }

  #join(client: Socket): void {
    if (this.#way === "open") this.#pass(client);
    else if (this.#way === "reset") client.destroy();
    else {
      this.#held.add(client.pause());
      client.on("error", () => client.destroy()).on("close", () => this.#held.delete(client));
    }
  }

  #pass(client: Socket): void {
    const pod = connect(this.#pods[this.#next++ % this.#pods.length] ?? 0, "127.0.0.1");
    const pair = [client, pod] as const;
    this.#pairs.add(pair);
    const end = () => {
      for (const socket of pair) socket.destroy();
      this.#pairs.delete(pair);
    };
    for (const socket of pair) socket.setNoDelay(true).on("error", end).on("close", end);
    if (this.#delay > 0) {
      client.pipe(later(this.#delay)).pipe(pod).pipe(later(this.#delay)).pipe(client);
      return;
    }
    pod.pipe(client);
    if (this.#oneOf === undefined) client.pipe(pod);
    else client.pipe(new WithoutSome(this.#oneOf, () => this.#lost++)).pipe(pod);
  }
}

/** A long line of any width: it takes all that is put in, and gives each part after so many milliseconds. */
const later = (ms: number): Transform =>
  new Transform({
    transform(chunk, _encoding, taken) {
      setTimeout(() => this.push(chunk), ms);
      taken();
    },
    flush(done) {
      setTimeout(done, ms);
    },
  });

const listening = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
