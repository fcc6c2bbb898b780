// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { type Lease, type Leases, Turn } from "../../../controller/lease.ts";
import { Log } from "../../../controller/log.ts";

/** The one lease, as a cluster keeps it. */
class Kept implements Leases {
  lease: Lease | undefined;
  #version = 0;

  async read(): Promise<Lease | undefined> {
    return this.lease;
  }

  async write({ metadata, spec }: Lease): Promise<boolean> {
    if (metadata.resourceVersion !== this.lease?.metadata.resourceVersion) return false;
    this.lease = { metadata: { name: "x", resourceVersion: String(++this.#version) }, ...(spec ? { spec } : {}) };
    return true;
  }
}

describe("controller: one at a time", () => {
  let now = 0;
  const uptime = () => now;
  beforeEach(() => {
    now = 100;
  });
  const two = (kept: Leases) => [new Turn(kept, "a", uptime), new Turn(kept, "b", uptime)] as const;

  it("the first has it as long as it renews it", async () => {
    const [a, b] = two(new Kept());
    assert.deepEqual([await a.take(), await b.take()], [true, false]);
    for (let i = 0; i < 40; i++) {
      now++;
      assert.deepEqual([await a.take(), await b.take(), b.mine], [true, false, false]);
    }
  });

  it("the first acts for 10 s after it was last its turn, and the second has it after 15, whatever the other's clock says", async () => {
    const [a, b] = two(new Kept());
    await a.take(0); // 1970
    await b.take();
    now += 9.9;
    assert.deepEqual([a.mine, await b.take(), b.holder], [true, false, "a"]);
    now += 0.2;
    assert.deepEqual([a.mine, await b.take()], [false, false]);
    now += 4.8;
    assert.equal(await b.take(), false);
    now += 0.2;
    assert.deepEqual([a.mine, await b.take(), await a.take()], [false, true, false]);
  });

  it("the second has it at once where the first gave it back", async () => {
    const [a, b] = two(new Kept());
    await a.take();
    assert.equal(await b.take(), false);
    await a.give();
    assert.deepEqual([a.mine, await b.take()], [false, true]);
    await a.give();
    assert.equal(await b.take(), true, "what is not one's own is not given back");
  });

  it("of two that take it in the same moment one has it", async () => {
    const kept = new Kept();
    const [a, b] = two(kept);
    const both = await Promise.all([a.take(), b.take()]);
    assert.deepEqual(both, [true, false]);
  });
});

describe("controller: its log", () => {
  it("has a line of JSON for each message, printable and not endless", () => {
    const lines: string[] = [];
    new Log(
      (line) => lines.push(line),
      () => 0,
    ).say("warn", `a"b\x1b[31m\n${"x".repeat(2000)}`);
    const { time, level, message } = JSON.parse(lines[0] ?? "");
    assert.deepEqual([lines.length, time, level], [1, "1970-01-01T00:00:00.000Z", "warn"]);
    assert.match(message, /^a"b \[31m x+$/);
    assert.equal(message.length, 1000);
  });

  it("tells a problem that lasts once a minute, and one that comes back at once", () => {
    const lines: string[] = [];
    let now = 0;
    const log = new Log(
      (line) => lines.push(line),
      () => now,
    );
    for (const [second, problems] of [
      [0, ["a"]],
      [1, ["a", "b"]],
      [59, ["a"]],
      [60, ["a"]],
      [61, []],
      [62, ["a"]],
    ] as const) {
      now = second * 1000;
      log.problems(problems);
    }
    const told = lines
      .map((line) => JSON.parse(line))
      .map(({ time, message }) => `${Date.parse(time) / 1000} ${message}`);
    assert.deepEqual(told, ["0 a", "1 b", "60 a", "62 a"]);
  });
});
