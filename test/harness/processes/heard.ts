// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import { until } from "./until.ts";

/** What a subscriber was sent. Every event of a test has a text of its own. */
export class Heard {
  readonly subject: string;
  readonly events: string[] = [];
  #subscription: Subscription | undefined;

  private constructor(subject: string) {
    this.subject = subject;
  }

  static async on(connection: NatsConnection, subject: string): Promise<Heard> {
    const heard = new Heard(subject);
    const callback = (error: Error | null, message: { string(): string }) => {
      heard.events.push(error ? `error: ${error.message}` : message.string());
    };
    heard.#subscription = connection.subscribe(subject, { callback });
    await connection.flush();
    return heard;
  }

  has(event: string): boolean {
    return this.events.includes(event);
  }

  /** Events that came more than once. */
  doubles(): readonly string[] {
    return this.events.filter((event, i) => this.events.indexOf(event) < i);
  }

  end(): void {
    this.#subscription?.unsubscribe();
  }
}

let tags = 0;

/** A text that begins the events of one test, and no others. */
export const newTag = (): string => `${process.pid}.${++tags}`;

/** Whether all of them have an event: what `until` is asked when publishing is going on. */
export const allHave = (listeners: readonly Heard[], event: string): boolean => listeners.every((l) => l.has(event));

/** Publishes until every listener has heard: interest in a subject takes its time to get to the publisher. */
export async function audible(from: NatsConnection, subject: string, listeners: readonly Heard[]): Promise<void> {
  const tag = newTag();
  let n = 0;
  await until(
    `${subject} to be heard by subscribers of ${listeners.map((l) => l.subject)}`,
    () => {
      from.publish(subject, `${tag} probe ${n++}`);
      return listeners.every((l) => l.events.some((event) => event.startsWith(tag)));
    },
    () => listeners.map((l) => `${l.subject}: ${l.events.filter((event) => event.startsWith(tag)).length}`),
  );
}

/** Publishes events and asserts that every listener hears each of them once, in order. */
export async function heardOnce(from: NatsConnection, subject: string, listeners: readonly Heard[]): Promise<void> {
  await audible(from, subject, listeners);
  const tag = newTag();
  const events = Array.from({ length: 20 }, (_, i) => `${tag} ${subject} ${i}`);
  for (const event of events) from.publish(subject, event);
  await until(
    `the last event of ${subject}`,
    () => allHave(listeners, events.at(-1) ?? ""),
    () => listeners.map((l) => `${l.subject}: ${l.events.at(-1)}`),
  );
  for (const listener of listeners) {
    const heard = listener.events.filter((event) => event.startsWith(`${tag} `));
    assert.deepEqual(heard, events, `${subject}, by a subscriber of ${listener.subject}`);
  }
}

/**
 * Publishes an event on `refused` and then events on `allowed` by the same way, which all listeners hear.
 * @param listeners subscribers that would hear both
 */
export async function notHeard(
  from: NatsConnection,
  refused: string,
  allowed: string,
  listeners: readonly Heard[],
): Promise<void> {
  await audible(from, allowed, listeners);
  const event = `${newTag()} ${refused}`;
  from.publish(refused, event);
  await heardOnce(from, allowed, listeners);
  for (const listener of listeners)
    assert.ok(!listener.has(event), `${refused}, by a subscriber of ${listener.subject}`);
}
