// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect, type Socket } from "node:net";
import type { Login } from "../../../nats/users.ts";
import { until } from "./until.ts";

/** A client that writes headers as it likes: libraries refuse or change those that are none. */
export class RawClient {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async connect(port: number, { user, password }: Login): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    let said = "";
    socket.on("data", (data) => {
      said += data.toString();
      if (data.includes("PING\r\n")) socket.write("PONG\r\n");
    });
    await until("INFO of the server", () => said.includes("INFO "));
    const login = { user, pass: password, headers: true, verbose: false, lang: "raw", version: "0", protocol: 1 };
    socket.write(`CONNECT ${JSON.stringify(login)}\r\nPING\r\n`);
    await until(
      "the login to be taken",
      () => said.includes("PONG"),
      () => said,
    );
    return new RawClient(socket);
  }

  /** A message of headers alone. */
  publish(subject: string, reply: string, headers: string): void {
    const size = Buffer.byteLength(headers);
    const words = ["HPUB", subject, reply, size, size].filter((word) => word !== "");
    this.#socket.write(`${words.join(" ")}\r\n${headers}\r\n`);
  }

  close(): void {
    this.#socket.destroy();
  }
}
