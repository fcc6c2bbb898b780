// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Watch } from "../nats/streams.ts";
import type { Log } from "./log.ts";
import { MOST, nameIn, report } from "./strays.ts";

/** Different names that are counted between two reports. */
const NAMES = 1000;

/**
 * Counts what an edge does not carry, and reports it. The server's permissions leave out all that is carried or received, so whatever arrives is a stray. A
 * flood costs {@link MOST} events between two reports and no more: then it does not listen until the next one.
 */
export class StrayWatch {
  readonly #connection: Pick<NatsConnection, "subscribe">;
  readonly #watch: Watch;
  readonly #log: Log;
  readonly #seconds: number;
  #counts = new Map<string, number>();
  #total = 0;
  #subscription: Subscription | undefined;
  #refused: string | undefined;

  constructor(connection: Pick<NatsConnection, "subscribe">, watch: Watch, log: Log, seconds: number) {
    this.#connection = connection;
    this.#watch = watch;
    this.#log = log;
    this.#seconds = seconds;
    if (watch.subject !== "ops.clusters.>") {
      const only = watch.subject ?? "none";
      log.say(
        "info",
        `this edge receives or publishes what others call theirs: of events under other names only ${only} are counted`,
      );
    }
    this.#listen();
  }

  /** To be called every so many seconds: tells what has come since, and listens again. */
  tick(): void {
    for (const line of report({ counts: this.#counts, total: this.#total }, this.#watch.edge, this.#seconds))
      this.#log.say("warn", line);
    if (this.#refused !== undefined)
      this.#log.say("warn", `events under other names are not counted for now: ${this.#refused}`);
    this.#counts = new Map();
    this.#total = 0;
    this.#refused = undefined;
    if (this.#subscription === undefined) this.#listen();
  }

  #listen(): void {
    const { subject } = this.#watch;
    if (subject === undefined) return;
    this.#subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) {
          this.#refused = error.message;
          this.#subscription = undefined;
        } else this.#count(message.subject);
      },
    });
  }

  #count(subject: string): void {
    if (this.#total >= MOST) return;
    this.#total++;
    if (this.#total === MOST) {
      this.#subscription?.unsubscribe();
      this.#subscription = undefined;
    }
    const name = nameIn(subject);
    if (name === undefined || (this.#counts.size >= NAMES && !this.#counts.has(name))) return;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
