// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect, type Socket } from "node:net";
import { connect as encrypt } from "node:tls";
import { fromSeed } from "@nats-io/nkeys";
import type { Login } from "../../../nats/users.ts";
import { until } from "./until.ts";

/** A leaf that is no nats-server: it speaks the protocol, and obeys no permissions that it is told. */
export class RawLeaf {
  /** Payloads that came down, by subject. */
  readonly received: (readonly [subject: string, payload: string])[] = [];
  /** Subjects that the server has told it of. */
  readonly interest: string[] = [];
  readonly errors: string[] = [];
  closed = false;
  /** Called with every message that comes down; a payload has its headers before it. */
  onMessage: (subject: string, reply: string, payload: string) => void = () => {};
  #socket: Socket;
  #buffer = Buffer.alloc(0);
  #info: { nonce?: string; tls_required?: boolean } | undefined;
  #pongs = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /**
   * Connects to a leaf port, by TLS where it asks for it, and sends the login; `login` undefined is an anonymous leaf.
   * @param claims what else it says of itself
   */
  static async connect(
    port: number,
    name: string,
    login: Login | { readonly seed: string } | undefined,
    claims: object = {},
    host = "127.0.0.1",
  ): Promise<RawLeaf> {
    const leaf = new RawLeaf(connect(port, host));
    const info = await until("INFO of the leaf port", () => leaf.#info);
    if (info.tls_required) {
      leaf.#socket.removeAllListeners("data");
      // whom it talks to is nothing to an attacker
      leaf.#socket = encrypt({ socket: leaf.#socket, rejectUnauthorized: false });
      leaf.#listen(leaf.#socket);
    }
    const credentials =
      login === undefined
        ? {}
        : "seed" in login
          ? signed(login.seed, info.nonce)
          : { user: login.user, pass: login.password };
    leaf.#send(`CONNECT ${JSON.stringify({ ...credentials, name, cluster: name, headers: true, ...claims })}\r\n`);
    return leaf;
  }

  #listen(socket: Socket): void {
    socket.on("data", (data) => this.#take(data));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Whether the server has taken the login and all that was sent since: it then answers a ping, and else closes. */
  async accepted(): Promise<boolean> {
    const pongs = this.#pongs;
    this.#send("PING\r\n");
    const answered = () => (this.#pongs > pongs ? "answered" : this.closed ? "closed" : undefined);
    return (await until("an answer to a ping", answered, () => this.errors)) === "answered";
  }

  /** Tells the server of a subscription, asked for or not. */
  subscribe(subject: string): void {
    this.#send(`LS+ ${subject}\r\n`);
  }

  publish(subject: string, payload: string, reply = ""): void {
    const head = ["LMSG", subject, reply, Buffer.byteLength(payload)].filter((word) => word !== "");
    this.#send(`${head.join(" ")}\r\n${payload}\r\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(text: string): void {
    if (!this.closed) this.#socket.write(text);
  }

  #take(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const end = this.#buffer.indexOf("\r\n");
      if (end === -1) return;
      const line = this.#buffer.subarray(0, end).toString();
      const [verb, subject = "", ...words] = line.split(" ");
      const isMessage = verb === "LMSG" || verb === "HMSG";
      const size = isMessage ? Number(line.split(" ").at(-1)) : 0;
      const next = isMessage ? end + 2 + size + 2 : end + 2;
      if (this.#buffer.length < next) return;
      const payload = this.#buffer.subarray(end + 2, end + 2 + size).toString();
      this.#buffer = this.#buffer.subarray(next);
      if (isMessage) {
        this.received.push([subject, payload]);
        // sizes end the line, two where there are headers; a reply, if there is one, comes before them
        this.onMessage(subject, words.length > (verb === "HMSG" ? 2 : 1) ? (words[0] ?? "") : "", payload);
      } else if (verb === "INFO") this.#info ??= JSON.parse(line.slice(5));
      else if (verb === "PONG") this.#pongs++;
      else if (verb === "PING") this.#send("PONG\r\n");
      else if (verb === "LS+") this.interest.push(subject);
      else if (verb === "-ERR") this.errors.push(line);
    }
  }
}

/** A login by key: what the server has sent, signed. */
function signed(seed: string, nonce = ""): { readonly nkey: string; readonly sig: string } {
  const pair = fromSeed(Buffer.from(seed));
  return { nkey: pair.getPublicKey(), sig: Buffer.from(pair.sign(Buffer.from(nonce))).toString("base64url") };
}
