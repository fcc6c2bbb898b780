// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { WithoutSome } from "../scenarios/withoutSome.ts";

/** What a leaf sends; the payload of one looks like a message itself. */
const KEPT = [
  'CONNECT {"name":"edge-1.nats-0"}\r\n',
  "PING\r\n",
  "LS+ up.edge-1.fetched\r\n",
  "LMSG $JSC.R.abc 4\r\n{}\r\n\r\n",
  "LMSG $JS.FC.ops.edge-1.x 22\r\nLMSG up.x 5\r\n12345\r\n\r\n\r\n",
];
const EVENTS = [
  "LMSG up.edge-1.fetched $JS.ACK.x 3\r\nabc\r\n",
  "HMSG up.edge-1.fetched $JS.ACK.y 12 15\r\nNATS/1.0\r\n\r\nabc\r\n",
  "LMSG ops.clusters.edge-1.x + reply queue 5\r\n\r\n\r\n \r\n",
  "LMSG up.edge-1.fetched 0\r\n\r\n",
];
const ALL = [...KEPT.slice(0, 3), ...EVENTS, ...KEPT.slice(3)].join("");

async function through(oneOf: number, size: number): Promise<{ text: string; lost: number }> {
  let lost = 0;
  const link = new WithoutSome(oneOf, () => lost++);
  for (let at = 0; at < ALL.length; at += size) link.write(ALL.slice(at, at + size), "latin1");
  link.end();
  const parts = await link.toArray();
  return { text: Buffer.concat(parts).toString("latin1"), lost };
}

describe("a link that loses messages", () => {
  for (const size of [1, 7, ALL.length]) {
    it(`takes events out as a whole, and nothing else, in pieces of ${size} bytes`, async () => {
      assert.deepEqual(await through(1, size), { text: KEPT.join(""), lost: EVENTS.length });
      assert.deepEqual(await through(Number.POSITIVE_INFINITY, size), { text: ALL, lost: 0 });
    });
  }
});
