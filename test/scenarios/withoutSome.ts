// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { Transform, type TransformCallback } from "node:stream";

const LINE_END = Buffer.from("\r\n");
/** What a leaf hands over: `LMSG` or `HMSG` (with headers), a subject, more, and the bytes that follow the line. */
const MESSAGE = /^[LH]MSG (\S+) .*?(\d+)$/;
/** Events, stored or live, and what a source is told beside them. */
const EVENT = /^(up|ops)\./;

/** Takes what a leaf node sends to its hub, without compression and TLS, and loses one of so many messages of events. */
export class WithoutSome extends Transform {
  readonly #oneOf: number;
  readonly #lost: () => void;
  #rest: Buffer = Buffer.alloc(0);

  /** @param lost is called for each one */
  constructor(oneOf: number, lost: () => void) {
    super();
    this.#oneOf = oneOf;
    this.#lost = lost;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (;;) {
      const line = data.indexOf(LINE_END, start);
      if (line === -1) break;
      const message = MESSAGE.exec(data.toString("latin1", start, line));
      const end = line + 2 + (message ? Number(message[2]) + 2 : 0);
      if (end > data.length) break;
      if (message && EVENT.test(message[1] ?? "") && Math.random() < 1 / this.#oneOf) this.#lost();
      else this.push(data.subarray(start, end));
      start = end;
    }
    this.#rest = data.subarray(start);
    done();
  }
}
