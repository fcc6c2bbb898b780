// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { readStream } from "../durability/ledger.ts";
import { complaints, during, fewDoubled } from "../durability/scenario.ts";
import { newTag } from "./heard.ts";
import { installed } from "./installed.ts";
import { siteOf } from "./site.ts";
import { until } from "./until.ts";
import { DEFAULT_VERSION, VERSIONS } from "./versions.ts";

const EDGES = ["edge-1", "edge-2"];

/** Versions that are not the default. */
export const OLDER = VERSIONS.filter((version) => version !== DEFAULT_VERSION);

/** One that opted out: it says nothing that is judged, for it stores nothing. */
const DIRECT = "edge-3";

/** Servers become those of the default version while events flow, in the order that the README tells. */
export function upgradeSuite(version: string, persistent: boolean): void {
  const primary = persistent ? { primary: { persistence: { enabled: true, size: "2Gi" } } } : {};
  const listed = [...EDGES, persistent ? { name: DIRECT, persistence: false } : DIRECT];
  const nats = installed(version, { listed, edges: [...EDGES, DIRECT], ...primary });
  const log = () => nats().keeper("primary").log;

  const subject = `ops.clusters.${DIRECT}.x`;
  async function found(): Promise<readonly string[]> {
    const reader = await nats().client(nats().server("primary"));
    const ids = (await readStream(reader, subject)).map(({ id }) => id);
    await reader.close();
    return ids;
  }

  /** Has the edge that opted out say events until one is in `ops`, for what it says is stored nowhere before. */
  async function heardOfDirect(): Promise<void> {
    const client = await nats().connect(nats().server(DIRECT), nats().login(DIRECT));
    const before = (await found()).length;
    const more = async () => {
      client.publish(subject, `${newTag()} ${Date.now()}`);
      await client.flush();
      return (await found()).length > before;
    };
    await until(`an event of ${DIRECT}`, more, found, 60);
    await client.close();
  }

  it("the primary first, then each edge", async function () {
    this.timeout(600_000);
    if (persistent) await heardOfDirect();
    const early = persistent ? await found() : [];
    // told of the version that they become: a release of theirs has no row of its own until it is run
    const of = siteOf(nats(), EDGES, persistent);
    const site = { ...of, place: { ...of.place, version: DEFAULT_VERSION } };
    const load = { steady: 300, each: 10, size: 300 };
    const act = async () => {
      const upgraded = nats().upgrade("primary", DEFAULT_VERSION);
      if (persistent) {
        const out = () => log().includes("its sources without a consumer are taken out");
        await Promise.race([upgraded, until("the sources to be taken out", out, log, 300)]);
        await nats().keeper("primary").kill(); // the worst moment
      }
      await upgraded;
      for (const name of [...EDGES, DIRECT]) await nats().upgrade(name, DEFAULT_VERSION);
      await pause(2000);
    };
    const outcomes = await during(site, `servers of ${version} become these`, act, { load });
    for (const { cluster, sent } of outcomes) assert.ok(sent > 1000, `${cluster}: ${sent}`);
    if (!persistent) return;
    assert.deepEqual(complaints(outcomes.map(fewDoubled)), []);
    const seated = new Set(
      [...log().matchAll(/source (\S+ to \S+): its consumer goes on after \d{16}$/gm)].map((m) => m[1]),
    );
    const own = [0, 1, 2].map((ordinal) => `own.nats-${ordinal}.> to in.primary.ops.>`);
    const stored = EDGES.map((edge) => `> to in.${edge}.>`);
    assert.deepEqual([...seated].sort(), [...stored, `direct.${DIRECT}.> to in.${DIRECT}.>`, ...own].sort());
    await heardOfDirect();
    const all = await found();
    assert.equal(new Set(all).size, all.length, "none twice");
    assert.deepEqual(all.slice(0, early.length), early);
  });
}
