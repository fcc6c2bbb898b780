// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { NatsConnection } from "@nats-io/transport-node";
import type { ConsumerInfo, Found, StreamInfo } from "./observed.ts";
import type { Action } from "./reconcile.ts";

/** Milliseconds that an answer may take, and that one over a link may. */
const TIMEOUT = 3000;

/** Bytes of an answer, which may be an edge's: the largest stream has a thousand sources. */
const LARGEST = 16 * 2 ** 20;

/** Error codes of the server (nats-server, errors.json). */
const NO_STREAM = 10059;
const NO_CONSUMER = 10014;

interface Answer {
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
}

/** What a server said to a request that it did not grant, in its own words. */
export class Refusal extends Error {
  readonly code: number | undefined;

  constructor({ error }: Answer) {
    super(error?.description ?? "an answer without words");
    this.code = error?.err_code ?? error?.code;
  }
}

/** The JetStream API of one account, by plain requests: what is sent and read is what the server documents, and nothing is lost of what a newer one says. */
export class JetStream {
  readonly #connection: Pick<NatsConnection, "request" | "publish">;

  constructor(connection: Pick<NatsConnection, "request" | "publish">) {
    this.#connection = connection;
  }

  stream(name: string): Promise<Found<StreamInfo>> {
    return this.#find<StreamInfo>(`STREAM.INFO.${name}`, NO_STREAM);
  }

  consumer(stream: string, name: string): Promise<Found<ConsumerInfo>> {
    return this.#find<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`, NO_CONSUMER);
  }

  /** @throws Refusal, or Error where no answer came: what was done is seen at the next look */
  async perform(action: Action): Promise<void> {
    switch (action.do) {
      case "create stream":
        return void (await this.#api(`STREAM.CREATE.${action.config.name}`, action.config));
      case "update stream":
        return void (await this.#api(`STREAM.UPDATE.${action.name}`, action.config));
      case "count on":
        return void (await this.#api(`STREAM.PURGE.${action.stream}`, { seq: action.sequence }));
      case "create consumer":
      case "update consumer": {
        const { stream, config } = action;
        const body = { stream_name: stream, config, action: action.do === "create consumer" ? "create" : "update" };
        return void (await this.#api(`CONSUMER.CREATE.${stream}.${config.name}`, body));
      }
      case "publish":
        return this.#connection.publish(action.subject);
    }
  }

  /**
   * Has another cluster's consumer pause, by that cluster's clock.
   * @param until milliseconds since 1970; undefined: it goes on
   * @returns seconds for which it will pause
   */
  async pause(subject: string, until: number | undefined): Promise<number> {
    const body = until === undefined ? {} : { pause_until: new Date(until).toISOString() };
    const answer = await this.#ask<{ paused?: boolean; pause_remaining?: number }>(subject, body);
    const left = Number(answer.pause_remaining ?? 0) / 1e9;
    if (answer.paused && !Number.isFinite(left)) throw new Error("an answer without sense");
    return answer.paused ? left : 0;
  }

  async #find<T>(subject: string, missing: number): Promise<Found<T>> {
    try {
      return { is: "there", info: await this.#api<T>(subject) };
    } catch (error) {
      if (error instanceof Refusal && error.code === missing) return { is: "missing" };
      return { is: "unknown", why: (error as Error).message };
    }
  }

  #api<T>(subject: string, body?: object): Promise<T> {
    return this.#ask(`$JS.API.${subject}`, body);
  }

  async #ask<T>(subject: string, body?: object): Promise<T> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const message = await this.#connection.request(subject, text, { timeout: TIMEOUT });
    if (message.data.length > LARGEST) throw new Error(`an answer of ${message.data.length} bytes`);
    const answer = message.json<T & Answer>();
    if (answer.error !== undefined) throw new Refusal(answer);
    return answer;
  }
}
