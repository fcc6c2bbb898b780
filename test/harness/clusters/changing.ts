// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { commandsOf, line, Stored, steps } from "./stored.ts";
import { type Stack, UP, type World } from "./world.ts";

/** What tests of the README's section "Changing persistence" do more than once, on real clusters. */
export class Changing {
  readonly w: World;
  readonly s: Stored;

  private constructor(w: World, s: Stored) {
    this.w = w;
    this.s = s;
  }

  static async in(w: World): Promise<Changing> {
    return new Changing(w, await Stored.in(w));
  }

  /** The README's line that sets a class, for a stack. */
  async otherClass(stack: Stack, name: string): Promise<string> {
    const printed = await line(/`([^`]+persistence.storageClass' <class> -s edge-1)`/);
    return printed.replace("<class>", name).replace("-s edge-1", `-s ${stack}`);
  }

  /** Another class, by the name of `fast`. */
  async fastClass(stack: Stack): Promise<string> {
    const standard = await this.w.kubectl[stack].json<object>(["get", "storageclass", this.s.persistence.storageClass]);
    const fast = { ...standard, metadata: { name: "fast" } };
    await this.w.shell(stack, `kubectl apply -f - <<'END'\n${JSON.stringify(fast)}\nEND`);
    return fast.metadata.name;
  }

  async sizes(stack: Stack): Promise<string[]> {
    return (await this.s.claims(stack)).map(({ size }) => size);
  }

  /** Expands a cluster's claims to 4Gi, which is twice what they have. */
  async expanded(stack: Stack): Promise<void> {
    const before = await this.s.claims(stack);
    const had = await this.s.stream(stack);
    assert.ok(had.messages > 0);
    const controller = () =>
      this.w.kubectl[stack].run(["get", "deployment", "nats-controller", "-o", "jsonpath={.metadata.uid}"]);
    const former = await controller();
    await this.w.shell(stack, (await steps(/ patch /)).replaceAll("-s edge-1", `-s ${stack}`));
    assert.deepEqual(
      await this.s.claims(stack),
      before.map((claim) => ({ ...claim, size: "4Gi" })),
    );
    // where it is only updated, `up` may end before the streams are as planned
    assert.notEqual(await controller(), former);
    const grown = await this.s.stream(stack);
    assert.deepEqual([grown.last, grown.messages], [had.last, had.messages]);
    const wanted = 2 * had.limit; // each is a whole number of bytes
    assert.ok(Math.abs(grown.limit - wanted) <= 2, `${grown.limit}, not ${wanted}`);
    await this.s.whole(`after the claims of ${stack} were expanded`);
  }

  /** New claims, all three of them, and nothing that is stored is lost meanwhile. */
  async serverByServer(title: string, script: string, stack: Stack = "primary"): Promise<void> {
    const before = (await this.s.claims(stack)).map(({ uid }) => uid);
    await this.s.whole(title, () => this.w.shell(stack, script));
    const after = await this.s.claims(stack);
    assert.equal(after.length, 3);
    for (const { uid, name } of after) assert.ok(!before.includes(uid), name);
  }

  /** Has `up` refuse so many servers, and types the block for them. */
  async beginsAnew(stack: Stack, from: number, to: number): Promise<void> {
    assert.equal((await this.s.claims(stack)).length, from);
    const block = (await steps(new RegExp(`replicas 3 -s ${stack}`))).replace("replicas 3", `replicas ${to}`);
    await this.w.shell(stack, `pulumi config set ops-nats:replicas ${to} -s ${stack}`);
    const { failed, text } = await this.w.pulumi(stack, ...UP);
    assert.ok(failed, text);
    assert.match(
      text,
      new RegExp(`replicas: expected ${from}( or more)?, as the servers with persistence run; came ${to}`),
    );
    assert.ok(text.includes(`, ${commandsOf(block).slice(0, 3).join(", then ")};`), text);
    await this.w.shell(stack, block);
    assert.equal((await this.s.claims(stack)).length, to);
  }
}
