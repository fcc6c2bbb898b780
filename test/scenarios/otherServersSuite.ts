// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Changing } from "../harness/clusters/changing.ts";
import { cut } from "../harness/clusters/clusterSite.ts";
import { steps, toNamespace } from "../harness/clusters/stored.ts";
import { UP } from "../harness/clusters/world.ts";

/** Its part about another number of servers and another namespace: what does it while events flow, and what begins anew. */
export function otherServersSuite(c: () => Changing): void {
  for (const stack of ["primary", "edge-1"] as const) {
    it(`the three servers of ${stack} become five while events flow`, async () => {
      const three = await c().s.claims(stack);
      const { last } = await c().s.stream(stack);
      const block = (await steps(/replicas 5 -s primary/)).replaceAll("-s primary", `-s ${stack}`);
      const growing = await c().s.whole(`five servers of ${stack}`, () => c().w.shell(stack, block));
      const five = await c().s.claims(stack);
      assert.deepEqual([five.length, five.slice(0, 3)], [5, three]);
      assert.ok((await c().s.stream(stack)).last > last);
      if (stack === "primary") {
        // a server that is ready before its own stream is made stores nothing, for seconds; a third was gone where `up` came first
        for (const { cluster, sent, stored } of growing)
          assert.ok(stored > 0.95 * sent, `${cluster}: ${stored} of ${sent}`);
        const own = five.map((_, i) => `own-nats-${i}`);
        const { made, read } = await c().s.intake();
        assert.deepEqual(made.filter((name) => name.startsWith("own-")).sort(), own);
        assert.deepEqual(
          read.filter((name) => name !== "ops"),
          own,
        );
        // by the controller, which is told before servers come
        const log = await c().w.kubectl.primary.run(["logs", "deployment/nats-controller"]);
        for (const name of own.slice(3)) assert.match(log, new RegExp(`stream ${name}: made`));
        assert.match(log, /as planned, but those of servers that do not answer/);
      }
      const outcomes = await c().s.whole(`after ${stack} had five servers`);
      for (const { cluster, sent, stored } of outcomes) assert.ok(stored >= sent, `${cluster}: ${stored} of ${sent}`);
    });
  }

  it("a primary of five servers is not made one of three: on its claims neither; it begins anew", async () => {
    await c().w.destroy("primary");
    await c().w.shell("primary", "pulumi config set ops-nats:replicas 3 -s primary");
    const { failed, text } = await c().w.pulumi("primary", ...UP);
    assert.ok(failed, text);
    assert.match(text, /replicas: expected 5 or more, for claims that are left of as many servers .*; came 3/);
    await c().w.shell(
      "primary",
      "pulumi config set ops-nats:replicas 5 -s primary && pulumi up --yes -s primary && pulumi up --yes -s edge-1",
    );
    await c().s.whole("after five servers had their claims again");
    await c().beginsAnew("primary", 5, 3);
    await c().s.whole("after a primary of five began anew with three");
  });

  it("an edge goes back to one server, and a primary", async () => {
    await c().beginsAnew("edge-1", 5, 1);
    await c().beginsAnew("primary", 3, 1);
    await c().s.whole("after both began anew with one server");
  });

  it("a primary of one server has its claim expanded, or begins anew with another by the block without its third line", async () => {
    assert.deepEqual(await c().sizes("primary"), ["2Gi"]);
    await c().expanded("primary");
    const [before] = await c().s.claims("primary");
    await c().w.shell("primary", await c().otherClass("primary", c().s.persistence.storageClass));
    const block = (await steps(/replicas 3 -s primary/)).split("\n");
    assert.match(block.splice(2, 1)[0] ?? "", /^ *pulumi config set ops-nats:replicas 3 -s primary &&$/);
    await c().w.shell("primary", block.join("\n"));
    const [after] = await c().s.claims("primary");
    assert.deepEqual([after?.size, after?.storageClass], ["4Gi", c().s.persistence.storageClass]);
    assert.notEqual(after?.storageClass, before?.storageClass);
    await c().s.whole("after a lone primary began anew");
  });

  it("a primary of one server goes to three, and gets what an edge has said meanwhile", async () => {
    const had = await c().s.said(1);
    assert.equal(await c().s.found(had, 1), 1);
    await c().w.shell("edge-1", await steps(/ack_floor/)); // what is not acknowledged yet would come again
    const mend = await cut("edge-1", "reset");
    let tag = "";
    try {
      tag = await c().s.said(50);
      await c().beginsAnew("primary", 1, 3);
    } finally {
      await mend();
    }
    assert.equal(await c().s.found(tag, 50), 50);
    assert.equal(await c().s.found(had, 0), 0);
    await c().s.whole("after a primary of three began anew");
  });

  it("a primary begins anew in another namespace, and in its former one", async () => {
    await c().w.shell("primary", await toNamespace("primary", "ops-system", "events"));
    const meanwhile = await c().s.said(20);
    assert.equal(await c().s.found(meanwhile, 20), 20);
    assert.equal(await c().w.kubectl.primary.run(["get", "pvc", "-o", "name"]), "");
    await c().w.shell("primary", await toNamespace("primary", "events", "ops-system"));
    assert.equal((await c().s.claims("primary")).length, 3);
    await c().s.whole("after a primary was in another namespace");
    assert.equal(await c().s.found(meanwhile, 0), 0);
    await c().w.kubectl.primary.run(["delete", "namespace", "events"]);
  });
}
