// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { ClientRequest, IncomingMessage } from "node:http";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Bytes of an answer: what leafs call themselves is in some, as long as they like. */
const LARGEST = 32 * 2 ** 20;

/**
 * What comes of a request by `node:http` or `node:https` (what is behind `fetch` takes 12 MiB of memory for as long as a process lives).
 * @param make begins it; how long it may take is its own to say
 * @throws Error where it breaks off, or more than {@link LARGEST} bytes come
 */
export const answerOf = (make: (answered: (response: IncomingMessage) => void) => ClientRequest, body?: string) =>
  new Promise<Answer>((resolve, reject) => {
    const asked = make((response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response
        .on("data", (part: Buffer) => {
          bytes += part.length;
          if (bytes > LARGEST) response.destroy(new Error(`more than ${LARGEST} bytes`));
          else parts.push(part);
        })
        .on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
        .on("error", reject);
    });
    asked.on("error", reject).end(body);
  });
