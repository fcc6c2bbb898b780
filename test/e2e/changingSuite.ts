// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../sandbox/kubectl.ts";
import { itIf } from "../itIf.ts";
import { cut, reachable, streamsMade } from "./clusterSite.ts";
import { commandsOf, line, Stored, steps, switchedAtEdge, toNamespace } from "./stored.ts";
import { cross } from "./traffic.ts";
import { EVENT, podIdentities, readmeBlock, removeAll, type Stack, UP, type World, world } from "./world.ts";

/**
 * The README's section of this name, as it is printed there, from top to bottom on the same two clusters.
 * @param all every block of it, which is a suite of its own (`npm run test:steps`); else claims that are expanded and a new one at an edge
 */
export function changingSuite(all: boolean): void {
  const also = itIf(all);
  let w: World;
  let s: Stored;
  before(async () => {
    w = await world();
    s = await Stored.in(w);
    const { size, storageClass } = s.persistence;
    await w.configure("primary", { persistence: { size, storageClass }, edges: ["edge-1"] });
    await w.configure("edge-1", reachable);
    await w.shell("primary", (await readmeBlock("Persistence")).replaceAll("pulumi up", "pulumi up --yes"));
    await s.whole("before persistence is changed");
  });

  const otherClass = async (stack: Stack, name: string) =>
    (await line(/`([^`]+persistence.storageClass' <class> -s edge-1)`/))
      .replace("<class>", name)
      .replace("-s edge-1", `-s ${stack}`);

  /** Another class, by the name of `fast`. */
  async function fastClass(stack: Stack): Promise<string> {
    const standard = await w.kubectl[stack].json<object>(["get", "storageclass", s.persistence.storageClass]);
    const fast = { ...standard, metadata: { name: "fast" } };
    await w.shell(stack, `kubectl apply -f - <<'END'\n${JSON.stringify(fast)}\nEND`);
    return fast.metadata.name;
  }

  const sizes = async (stack: Stack) => (await s.claims(stack)).map(({ size }) => size);

  it("another size is refused with the way to it, and nothing is changed", async () => {
    const pods = await podIdentities(w.kubectl["edge-1"]);
    await w.configure("edge-1", { ...reachable, persistence: { size: "4Gi" } });
    const { failed, text } = await w.pulumi("edge-1", ...UP);
    assert.ok(failed, text);
    assert.match(text, /expected a claim of 2Gi for each server, as they run with; came a claim of 4Gi/);
    assert.match(text, /next: expand the claims, or make new ones; then kubectl -n ops-system delete statefulset nats/);
    assert.deepEqual(await podIdentities(w.kubectl["edge-1"]), pods);
    await w.configure("edge-1", reachable);
    await w.configure("primary", { persistence: { ...s.persistence, size: "1Gi" } });
    const smaller = await w.pulumi("primary", ...UP);
    assert.ok(smaller.failed, smaller.text);
    assert.match(smaller.text, /came a claim of 1Gi.*next: pulumi config set .*fileStore.maxSize' 2Gi/);
    await w.configure("primary", { persistence: s.persistence, edges: ["edge-1"] });
  });

  for (const stack of ["edge-1", "primary"] as const) {
    it(`the claims of ${stack}, expanded, keep all`, () => expanded(stack));
  }

  /** Expands a cluster's claims to 4Gi, which is twice what they have. */
  async function expanded(stack: Stack): Promise<void> {
    const before = await s.claims(stack);
    const had = await s.stream(stack);
    assert.ok(had.messages > 0);
    const keeper = () => w.kubectl[stack].run(["get", "deployment", "nats-keeper", "-o", "jsonpath={.metadata.uid}"]);
    const former = await keeper();
    await w.shell(stack, (await steps(/ patch /)).replaceAll("-s edge-1", `-s ${stack}`));
    assert.deepEqual(
      await s.claims(stack),
      before.map((claim) => ({ ...claim, size: "4Gi" })),
    );
    // where it is only updated, `up` may end before the streams are as planned
    assert.notEqual(await keeper(), former);
    const grown = await s.stream(stack);
    assert.deepEqual([grown.last, grown.messages], [had.last, had.messages]);
    const wanted = 2 * had.limit; // each is a whole number of bytes
    assert.ok(Math.abs(grown.limit - wanted) <= 2, `${grown.limit}, not ${wanted}`);
    await s.whole(`after the claims of ${stack} were expanded`);
  }

  it("an edge gets a new claim, of another size and class; the steps wait for what the primary has not had", async () => {
    const [before] = await s.claims("edge-1");
    const fast = await fastClass("edge-1");
    await w.shell("edge-1", await otherClass("edge-1", fast));
    const mend = await cut("edge-1", "dropped");
    const tag = await s.said(50);
    const script = await steps(/ack_floor/);
    const later = pause(6000).then(mend); // it is still there when the steps begin to wait
    const waiting = await w.shell("edge-1", script).finally(() => later);
    assert.match(waiting, /^(false\n)+true\n?$/);
    await w.shell("edge-1", await steps(/size' 1Gi -s edge-1/));
    const [after] = await s.claims("edge-1");
    assert.deepEqual([after?.size, after?.storageClass, after?.phase], ["1Gi", fast, "Bound"]);
    assert.notEqual(before?.storageClass, fast);
    assert.notEqual(after?.uid, before?.uid);
    assert.equal(await s.found(tag, 50), 50);
    await s.whole("after a new claim");
  });

  also("an edge gets a new claim like the old one", async () => {
    const [before] = await s.claims("edge-1");
    const pods = await podIdentities(w.kubectl["edge-1"]);
    const made = await streamsMade(w, "edge-1");
    await w.shell("edge-1", await steps(/^kubectl [^\n]+ delete pvc nats-js-nats-0 --wait=false &&\n[^\n]+\n$/));
    await until(
      "the stream",
      () => streamsMade(w, "edge-1"),
      (times) => times > made,
      120,
    );
    const [after] = await s.claims("edge-1");
    assert.deepEqual({ ...after, uid: before?.uid }, before);
    assert.notEqual(after?.uid, before?.uid);
    assert.notDeepEqual(await podIdentities(w.kubectl["edge-1"]), pods);
    await s.whole("after a new claim like the old one");
  });

  /** New claims, all three of them, and nothing that is stored is lost meanwhile. */
  async function serverByServer(title: string, script: string, stack: Stack = "primary"): Promise<void> {
    const before = (await s.claims(stack)).map(({ uid }) => uid);
    await s.whole(title, () => w.shell(stack, script));
    const after = await s.claims(stack);
    assert.equal(after.length, 3);
    for (const { uid, name } of after) assert.ok(!before.includes(uid), name);
  }

  also("the primary's servers get smaller claims one by one, while events flow", async () => {
    const { limit, last } = await s.stream("primary");
    await w.shell("primary", await steps(/maxSize' 4Gi/));
    await serverByServer("new claims server by server", await steps(/for i in 0 1 2/));
    await w.shell("primary", await steps(/config rm .*maxSize/));
    const shrunk = await s.stream("primary");
    assert.ok(Math.abs(shrunk.limit - limit / 2) <= 1, `${shrunk.limit}, not half of ${limit}`);
    assert.ok(shrunk.last > last);
    assert.deepEqual(await sizes("primary"), ["2Gi", "2Gi", "2Gi"]);
    await s.whole("after new claims server by server");
  });

  also("and claims of another class, with the line for that in the place of the first", async () => {
    const fast = await fastClass("primary");
    const [, ...rest] = (await steps(/for i in 0 1 2/)).split("\n");
    const { last } = await s.stream("primary");
    const script = [`${await otherClass("primary", fast)} &&`, ...rest].join("\n");
    await serverByServer("new claims of another class", script);
    const classes = (await s.claims("primary")).map(({ size, storageClass }) => [size, storageClass]);
    assert.deepEqual(classes, Array(3).fill(["2Gi", fast]));
    assert.ok((await s.stream("primary")).last > last);
  });

  also("an edge goes from one server to three", async () => {
    const [lone] = await s.claims("edge-1");
    await beginsAnew("edge-1", 1, 3);
    assert.deepEqual(
      (await s.claims("edge-1")).filter(({ uid }) => uid === lone?.uid),
      [],
    );
    await s.whole("after an edge of three began anew");
  });

  also("and its servers get smaller claims one by one by the blocks for the primary, while events flow", async () => {
    const [size = ""] = await sizes("edge-1");
    const block = async (pattern: RegExp) => (await steps(pattern)).replaceAll("-s primary", "-s edge-1");
    await w.shell("edge-1", (await block(/maxSize' 4Gi/)).replace("4Gi", size));
    const script = (await block(/for i in 0 1 2/)).replace("size' 2Gi", "size' 600Mi");
    await serverByServer("new claims of an edge server by server", script, "edge-1");
    await w.shell("edge-1", await block(/config rm .*maxSize/));
    assert.deepEqual(await sizes("edge-1"), ["600Mi", "600Mi", "600Mi"]);
    assert.notEqual(size, "600Mi");
    await s.whole("after new claims of an edge server by server");
  });

  for (const stack of ["primary", "edge-1"] as const) {
    also(`one of the three servers of ${stack} gets a new disk by the loop alone, with its number`, async () => {
      const loop = (await steps(/for i in 0 1 2/)).replace(/^[\s\S]*?(?= *for i in)/, "").replace("0 1 2", "1");
      const before = await s.claims(stack);
      await s.whole(`a new disk for one server of ${stack}`, () => w.shell(stack, loop));
      const after = await s.claims(stack);
      const same = after.map(({ uid }, i) => uid === before[i]?.uid);
      assert.deepEqual(same, [true, false, true]);
      await s.whole(`after a new disk for one server of ${stack}`);
    });
  }

  also("a set that is gone, and that up does not miss, comes back with any other value", async () => {
    const claims = await s.claims("primary");
    const { last } = await s.stream("primary");
    const set = () => w.kubectl.primary.run(["get", "statefulset", "nats", "-o", "name", "--ignore-not-found"]);
    await w.shell("primary", "kubectl -n ops-system delete statefulset nats --cascade=foreground");
    const { failed, text } = await w.pulumi("primary", ...UP);
    assert.ok(!failed, text);
    assert.equal(await set(), "");
    await w.shell("primary", await line(/`(pulumi config set [^`]+annotations\.again' yes -s primary)`/));
    const again = await w.pulumi("primary", ...UP);
    assert.ok(!again.failed, again.text);
    assert.notEqual(await set(), "");
    assert.deepEqual(await s.claims("primary"), claims);
    assert.ok((await s.stream("primary")).last >= last);
    await s.whole("after a set had gone");
  });

  also("is switched off by the same steps: events come as before, and nothing is kept; and on again", async () => {
    const primaryOn = await steps(/enabled' true -s primary/);
    const { last } = await s.stream("primary");
    await w.shell("primary", primaryOn.replaceAll("enabled' true", "enabled' false"));
    await w.shell("edge-1", await switchedAtEdge());
    for (const stack of ["primary", "edge-1"] as const) {
      const { items } = await w.kubectl[stack].json<{ items: { spec: { volumeClaimTemplates?: object[] } }[] }>([
        "get",
        "statefulset",
      ]);
      assert.deepEqual(
        items.map(({ spec }) => spec.volumeClaimTemplates ?? []),
        [[]],
      );
      assert.equal(await w.kubectl[stack].run(["get", "deployment", "nats-keeper", "--ignore-not-found"]), "");
    }
    const { primary, "edge-1": edge } = w.kubectl;
    assert.deepEqual(await cross(edge, primary, EVENT("edge-1"), ["plain"], { filter: "ops.>" }), ["plain"]);
    await w.shell("primary", primaryOn);
    await w.shell("edge-1", await switchedAtEdge());
    assert.ok((await s.stream("primary")).last >= last, "what was there is there");
    await s.whole("after persistence was switched off and on");
  });

  for (const stack of ["primary", "edge-1"] as const) {
    also(`the three servers of ${stack} become five while events flow`, async () => {
      const three = await s.claims(stack);
      const { last } = await s.stream(stack);
      const block = (await steps(/replicas 5 -s primary/)).replaceAll("-s primary", `-s ${stack}`);
      const growing = await s.whole(`five servers of ${stack}`, () => w.shell(stack, block));
      const five = await s.claims(stack);
      assert.deepEqual([five.length, five.slice(0, 3)], [5, three]);
      assert.ok((await s.stream(stack)).last > last);
      if (stack === "primary") {
        // a server that is ready before its own stream is made stores nothing, for seconds; a third was gone where `up` came first
        for (const { cluster, sent, stored } of growing)
          assert.ok(stored > 0.95 * sent, `${cluster}: ${stored} of ${sent}`);
        const own = five.map((_, i) => `own-nats-${i}`);
        const { made, read } = await s.intake();
        assert.deepEqual(made.filter((name) => name.startsWith("own-")).sort(), own);
        assert.deepEqual(
          read.filter((name) => name !== "ops"),
          own,
        );
        // by the keeper that was told first, which the last line leaves as it is: before `up` was done
        const log = await w.kubectl.primary.run(["logs", "deployment/nats-keeper"]);
        for (const name of own.slice(3)) assert.match(log, new RegExp(`stream ${name}: made`));
        assert.match(log, /as planned, but those of servers that do not answer/);
      }
      const outcomes = await s.whole(`after ${stack} had five servers`);
      for (const { cluster, sent, stored } of outcomes) assert.ok(stored >= sent, `${cluster}: ${stored} of ${sent}`);
    });
  }

  /** Has `up` refuse so many servers, and types the block for them. */
  async function beginsAnew(stack: Stack, from: number, to: number): Promise<void> {
    assert.equal((await s.claims(stack)).length, from);
    const block = (await steps(new RegExp(`replicas 3 -s ${stack}`))).replace("replicas 3", `replicas ${to}`);
    await w.shell(stack, `pulumi config set ops-nats:replicas ${to} -s ${stack}`);
    const { failed, text } = await w.pulumi(stack, ...UP);
    assert.ok(failed, text);
    assert.match(
      text,
      new RegExp(`replicas: expected ${from}( or more)?, as the servers with persistence run; came ${to}`),
    );
    assert.ok(text.includes(`, ${commandsOf(block).slice(0, 3).join(", then ")};`), text);
    await w.shell(stack, block);
    assert.equal((await s.claims(stack)).length, to);
  }

  also("a primary of five servers is not made one of three: on its claims neither; it begins anew", async () => {
    await w.destroy("primary");
    await w.shell("primary", "pulumi config set ops-nats:replicas 3 -s primary");
    const { failed, text } = await w.pulumi("primary", ...UP);
    assert.ok(failed, text);
    assert.match(text, /replicas: expected 5 or more, for claims that are left of as many servers .*; came 3/);
    await w.shell(
      "primary",
      "pulumi config set ops-nats:replicas 5 -s primary && pulumi up --yes -s primary && pulumi up --yes -s edge-1",
    );
    await s.whole("after five servers had their claims again");
    await beginsAnew("primary", 5, 3);
    await s.whole("after a primary of five began anew with three");
  });

  also("an edge goes back to one server, and a primary", async () => {
    await beginsAnew("edge-1", 5, 1);
    await beginsAnew("primary", 3, 1);
    await s.whole("after both began anew with one server");
  });

  also(
    "a primary of one server has its claim expanded, or begins anew with another by the block without its third line",
    async () => {
      assert.deepEqual(await sizes("primary"), ["2Gi"]);
      await expanded("primary");
      const [before] = await s.claims("primary");
      await w.shell("primary", await otherClass("primary", s.persistence.storageClass));
      const block = (await steps(/replicas 3 -s primary/)).split("\n");
      assert.match(block.splice(2, 1)[0] ?? "", /^ *pulumi config set ops-nats:replicas 3 -s primary &&$/);
      await w.shell("primary", block.join("\n"));
      const [after] = await s.claims("primary");
      assert.deepEqual([after?.size, after?.storageClass], ["4Gi", s.persistence.storageClass]);
      assert.notEqual(after?.storageClass, before?.storageClass);
      await s.whole("after a lone primary began anew");
    },
  );

  also("a primary of one server goes to three, and gets what an edge has said meanwhile", async () => {
    const had = await s.said(1);
    assert.equal(await s.found(had, 1), 1);
    await w.shell("edge-1", await steps(/ack_floor/)); // what is not acknowledged yet would come again
    const mend = await cut("edge-1", "reset");
    let tag = "";
    try {
      tag = await s.said(50);
      await beginsAnew("primary", 1, 3);
    } finally {
      await mend();
    }
    assert.equal(await s.found(tag, 50), 50);
    assert.equal(await s.found(had, 0), 0);
    await s.whole("after a primary of three began anew");
  });

  also("a primary begins anew in another namespace, and in its former one", async () => {
    await w.shell("primary", await toNamespace("primary", "ops-system", "events"));
    const meanwhile = await s.said(20);
    assert.equal(await s.found(meanwhile, 20), 20);
    assert.equal(await w.kubectl.primary.run(["get", "pvc", "-o", "name"]), "");
    await w.shell("primary", await toNamespace("primary", "events", "ops-system"));
    assert.equal((await s.claims("primary")).length, 3);
    await s.whole("after a primary was in another namespace");
    assert.equal(await s.found(meanwhile, 0), 0);
    await w.kubectl.primary.run(["delete", "namespace", "events"]);
  });

  it("and the README's commands remove what destroy leaves", async () => {
    // other suites of a run may have left a second edge
    const second = await w.kubectl["edge-2"].run(["get", "namespace", "--ignore-not-found", "ops-system"]);
    for (const stack of [...(second === "" ? [] : (["edge-2"] as const)), "edge-1", "primary"] as const) {
      await w.configure(stack, stack === "primary" ? {} : reachable);
      await removeAll(w, stack);
    }
  });
}
