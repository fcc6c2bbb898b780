// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { installed } from "../harness/processes/installed.ts";
import { siteOf } from "../harness/processes/site.ts";
import { complaints, during } from "./scenario.ts";

/** So many that sources begin anew at the same time: of two edges 2.14.9 lost nothing in three runs, of eight something in two of two. */
const EDGES = Array.from({ length: 8 }, (_, i) => `edge-${i + 1}`);
const ONE_OF = 1000;

/**
 * Links that stand and lose single messages: each makes a gap, for which a source has its consumer begin anew (decision 11).
 * @param persistent else it is shown what that costs plain core NATS
 */
export function lossySuite(version: string, persistent: boolean): void {
  // plain links: of an encrypted one nobody on the way can take a message and leave the rest
  const tls = { enabled: false };
  const primary = { primary: { tls, ...(persistent ? { persistence: { enabled: true, size: "4Gi" } } : {}) } };
  // disks in memory: eight edges that write each event through to one slow disk have little to lose on their links
  const nats = installed(version, { listed: EDGES, edges: EDGES, ...primary, disk: (claim) => claim });

  it(`links that lose one of ${ONE_OF} messages`, async function () {
    this.timeout(900_000); // where something is lost, each edge's is waited for
    const load = { steady: 300, each: 5, size: 200 };
    let lost = 0;
    const lose = async () => {
      lost = await nats().nodePort.losing(ONE_OF, () => pause(30_000));
      return Date.now();
    };
    const title = `${EDGES.length} edges, one of ${ONE_OF} messages lost on their links for 30 s`;
    const outcomes = await during(siteOf(nats(), EDGES, persistent), title, lose, { load, seconds: 90 });
    assert.ok(lost > EDGES.length, `${lost} messages were lost on the links`);
    if (persistent) assert.deepEqual(complaints(outcomes), []);
  });
}
