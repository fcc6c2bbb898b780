// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { execa } from "execa";
import type { Snapshot } from "../../../kubernetes/snapshot.ts";
import { type Surroundings, watch } from "../../../rollout/waiting.ts";
import { NOW, snapshot, unscheduled, well } from "../../harness/pods.ts";

/** A clock that goes only when told, and what was said at which second. */
class Clock implements Surroundings {
  readonly said: string[] = [];
  private seconds = 0;
  private timers: { at: number; act: () => void }[] = [];

  now(): number {
    return NOW + this.seconds * 1000;
  }
  after(seconds: number, act: () => void): () => void {
    const timer = { at: this.seconds + seconds, act };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }
  warn = (text: string) => void this.said.push(`${this.seconds} warn ${text}`);
  remind = (text: string) => void this.said.push(`${this.seconds} remind ${text}`);
  info = (text: string) => void this.said.push(`${this.seconds} info ${text}`);

  get idle(): boolean {
    return this.timers.length === 0;
  }

  /** Goes on second by second, and lets all that is due be done in each. */
  async until(seconds: number): Promise<void> {
    for (; this.seconds < seconds; this.seconds += 1) await this.due();
    await this.due();
  }
  private async due(): Promise<void> {
    for (let timer = this.next(); timer; timer = this.next()) {
      this.timers = this.timers.filter((other) => other !== timer);
      timer.act();
      await setImmediate();
    }
  }
  private next() {
    return this.timers.find(({ at }) => at <= this.seconds);
  }
}

describe("a watcher of what Pulumi waits for", () => {
  const full = (node = "1") =>
    snapshot({ pods: [unscheduled(`0/${node} nodes are available: ${node} Insufficient cpu.`)] });
  const start = (look: () => Promise<Snapshot>, seconds = 600) => {
    const clock = new Clock();
    const stop = watch({ what: "Helm release nats", namespace: "ops-system", seconds, look }, clock);
    return { clock, stop };
  };

  it("tells a reason within half a minute, once, and again every minute, for the moment", async () => {
    const { clock } = start(async () => full());
    await clock.until(200);
    assert.match(
      clock.said[0] ?? "",
      /^20 warn Helm release nats is not ready: pod nats-0: cannot be scheduled: .*Fix: /,
    );
    assert.deepEqual(
      clock.said.slice(1).map((line) => line.split(":")[0]),
      [60, 120, 180].map((s) => `${s} remind Helm release nats is still not ready after ${s} s (limit`),
    );
  });

  it("says nothing of a moment's trouble, and nothing where all goes well", async () => {
    const looks = [full(), snapshot({ pods: [well()] }), full()];
    const { clock, stop } = start(async () => looks.shift() ?? snapshot({ pods: [well()] }));
    await clock.until(50);
    stop();
    assert.deepEqual([looks.length, clock.said, clock.idle], [0, [], true]);
  });

  it("tells another reason when it comes, and keeps new words of the same one", async () => {
    let seen = full();
    const { clock } = start(async () => seen);
    await clock.until(40);
    seen = snapshot({ pods: [...full("2").pods, { ...unscheduled("x"), metadata: { name: "nats-1" } }] });
    await clock.until(60);
    const lines = clock.said.map((line) => line.replace(/(nats-\d):.*/, "$1"));
    assert.deepEqual(lines, [
      "20 warn Helm release nats is not ready: pod nats-0",
      "50 warn Helm release nats is not ready: pod nats-1",
      "60 warn Helm release nats is still not ready after 60 s (limit: ops-nats:timeoutSeconds, 600 s): pod nats-0",
      "60 remind Helm release nats is still not ready after 60 s (limit: ops-nats:timeoutSeconds, 600 s): pod nats-1",
    ]);
  });

  it("ends when it is told to, also in the middle of a look", async () => {
    let answer: (seen: Snapshot) => void = () => assert.fail("not asked");
    const { clock, stop } = start(() => new Promise((resolve) => (answer = resolve)));
    await clock.until(15);
    answer(full());
    await clock.until(21); // the second look is under way: what it finds would be told
    stop();
    answer(full());
    await clock.until(90);
    assert.deepEqual([clock.said, clock.idle], [[], true]);
  });

  it("ends by itself after the limit, and says at least how to look where it found no reason", async () => {
    let asked = 0;
    const { clock } = start(async () => snapshot({ pods: asked++ < 0 ? [] : [well()] }), 40);
    await clock.until(39);
    assert.match(
      clock.said.join("\n"),
      /^35 warn Helm release nats is not ready after 35 s, and no reason is seen\. Fix: kubectl -n ops-system get pods,events; .*timeoutSeconds$/,
    );
    await clock.until(200);
    assert.deepEqual([clock.idle, asked], [true, 12]);
  });

  it("says nothing more at the limit where it has told a reason", async () => {
    const { clock } = start(async () => full(), 40);
    await clock.until(200);
    assert.deepEqual(
      clock.said.map((line) => line.split(" ").slice(0, 2).join(" ")),
      ["20 warn", "60 remind"],
    );
  });

  it("a cluster that gives no answer, late, never or in part, is one line of information", async () => {
    const refused = start(() => Promise.reject(new Error("connect ECONNREFUSED\nand more")));
    await refused.clock.until(100);
    assert.deepEqual(refused.clock.said, [
      "15 info why Helm release nats is not ready yet may go unsaid: connect ECONNREFUSED; kubectl -n ops-system get pods,events shows it",
    ]);
    const silent = start(() => new Promise(() => {}));
    await silent.clock.until(100);
    assert.match(silent.clock.said.join("\n"), /^35 info why .* unsaid: no answer within 20 s; kubectl [^\n]*$/);
    const partly = start(async () => ({ ...full(), unread: ["events in ops-system cannot be read (forbidden)"] }));
    await partly.clock.until(25);
    assert.match(partly.clock.said.join("\n"), /^15 info [^\n]*\(forbidden\);[^\n]*\n20 warn [^\n]*$/);
  });

  it("does not keep the process of a program that has failed", async () => {
    const script = `const { watch } = await import("./rollout/waiting.ts");
      watch({ what: "it", namespace: "n", seconds: 600, look: () => new Promise(() => {}) });
      console.log("the end");`;
    const { stdout } = await execa("node", ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: new URL("../../..", import.meta.url),
      timeout: 12_000, // the first look is after fifteen seconds
    });
    assert.equal(stdout, "the end");
  });
});
