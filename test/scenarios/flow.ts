// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";

/** An event of a run: who said it by which publisher, its number there, and when (milliseconds). */
export interface Told {
  readonly id: string;
  readonly at: number;
}

/** How a publisher goes about it. */
export interface Pace {
  /** Events a second; what a machine does not manage is not made up for. */
  readonly rate: number;
  /** Bytes of an event. */
  readonly size: number;
  /** A connection for each event, as Ops has it; else one that is kept, and made anew when it breaks. */
  readonly connectionEach: boolean;
}

const PADDING = "x".repeat(100_000);

/** The text of an event: its id and time first, padded to a size. */
export const eventText = (id: string, size: number): string => {
  const head = `${id} ${Date.now()} `;
  return head + PADDING.slice(0, Math.max(0, size - head.length));
};

export function readEvent(text: string): Told {
  const [id = "", at = "0"] = text.slice(0, 200).split(" ");
  return { id, at: Number(at) };
}

async function answered(work: Promise<unknown>): Promise<void> {
  const late = pause(2000, "late", { ref: false });
  if ((await Promise.race([work, late])) === "late") throw new Error("no answer within 2 s");
}

/**
 * Publishes numbered events of one cluster through core NATS. An event counts as sent when the client's library has taken it
 * without an error; what the server did not store of it is the publisher's loss.
 */
export class Flow {
  readonly name: string;
  readonly subject: string;
  readonly connectionEach: boolean;
  /** Ids, in the order in which they were sent. */
  readonly sent: string[] = [];
  /** Attempts that had no connection. */
  refused = 0;
  readonly #connect: () => Promise<NatsConnection>;
  readonly #pace: Pace;
  #kept: NatsConnection | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(name: string, subject: string, pace: Pace, connect: () => Promise<NatsConnection>) {
    this.name = name;
    this.subject = subject;
    this.connectionEach = pace.connectionEach;
    this.#pace = pace;
    this.#connect = connect;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await answered(this.#kept?.close() ?? Promise.resolve()).catch(() => {});
  }

  async #run(): Promise<void> {
    let number = 0;
    const start = Date.now();
    let due = 0;
    while (!this.#stopped) {
      due = Math.max(due, ((Date.now() - start) / 1000) * this.#pace.rate - this.#pace.rate);
      while (due < ((Date.now() - start) / 1000) * this.#pace.rate && !this.#stopped) {
        due++;
        // one that failed may have arrived all the same: no id is used twice
        await this.#publish(`${this.name}.${number++}`);
      }
      await pause(5);
    }
  }

  async #publish(id: string): Promise<void> {
    try {
      const connection = this.#kept ?? (await this.#connect());
      if (!this.#pace.connectionEach) this.#kept = connection;
      connection.publish(this.subject, eventText(id, this.#pace.size));
      // a connection whose server dies just then answers nothing more
      if (this.#pace.connectionEach) await answered(connection.drain());
      else if (this.sent.length % 200 === 0) await answered(connection.flush());
      this.sent.push(id);
    } catch {
      this.refused++;
      await answered(this.#kept?.close() ?? Promise.resolve()).catch(() => {});
      this.#kept = undefined;
      await pause(50);
    }
  }
}
