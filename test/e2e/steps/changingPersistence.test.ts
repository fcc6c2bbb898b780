// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../../sandbox/kubectl.ts";
import { Changing } from "../../harness/clusters/changing.ts";
import { cut, keptAt, reachable, streamsMade } from "../../harness/clusters/clusterSite.ts";
import { steps, switchedAtEdge } from "../../harness/clusters/stored.ts";
import { cross } from "../../harness/clusters/traffic.ts";
import { blockOf, EVENT, nothingLeft, old, podIdentities, UP, world } from "../../harness/clusters/world.ts";
import { otherServersSuite } from "../../scenarios/otherServersSuite.ts";

/** The README's section of this name, as it is printed there, from top to bottom on the same two clusters. */
describe("changing persistence, every block", () => {
  let c: Changing;
  before(async () => {
    c = await Changing.in(await world());
    const { size, storageClass } = c.s.persistence;
    await c.w.configure("primary", { persistence: { size, storageClass }, edges: ["edge-1"] });
    await c.w.configure("edge-1", reachable);
    await c.w.shell("primary", (await blockOf("Persistence")).replaceAll("pulumi up", "pulumi up --yes"));
    await c.s.whole("before persistence is changed");
  });

  it("another size is refused with the way to it, an older server too, and nothing is changed", async () => {
    const pods = await podIdentities(c.w.kubectl["edge-1"]);
    await c.w.configure("edge-1", { ...reachable, persistence: { size: "4Gi" } });
    const { failed, text } = await c.w.pulumi("edge-1", ...UP);
    assert.ok(failed, text);
    assert.match(text, /expected a claim of 2Gi for each server, as they run with; came a claim of 4Gi/);
    assert.match(text, /next: expand the claims, or make new ones; then kubectl -n ops-system delete statefulset nats/);
    assert.deepEqual(await podIdentities(c.w.kubectl["edge-1"]), pods);
    await c.w.configure("edge-1", reachable);
    await c.w.configure("primary", { persistence: { ...c.s.persistence, size: "1Gi" } });
    const smaller = await c.w.pulumi("primary", ...UP);
    assert.ok(smaller.failed, smaller.text);
    assert.match(smaller.text, /came a claim of 1Gi.*next: pulumi config set .*fileStore.maxSize' 2Gi/);
    // what runs decides: persistence is switched off in the same step
    await c.w.configure("primary", { ...old, persistence: { ...c.s.persistence, enabled: false }, edges: ["edge-1"] });
    const older = await c.w.pulumi("primary", ...UP);
    assert.ok(older.failed, older.text);
    assert.match(
      older.text,
      /images\.nats\.tag: expected a nats tag of 2\.15\.3 .*came 2\.10\.20-alpine, and .* stored twice/,
    );
    assert.match(older.text, /next: pulumi config set --path 'ops-nats:images\.nats\.tag' 2\.15\.3-alpine -s primary/);
    await c.w.configure("primary", { persistence: c.s.persistence, edges: ["edge-1"] });
  });

  for (const stack of ["edge-1", "primary"] as const) {
    it(`the claims of ${stack}, expanded, keep all`, () => c.expanded(stack));
  }

  it("an edge gets a new claim, of another size and class; the steps wait for what the primary has not had", async () => {
    const [before] = await c.s.claims("edge-1");
    const fast = await c.fastClass("edge-1");
    await c.w.shell("edge-1", await c.otherClass("edge-1", fast));
    const mend = await cut("edge-1", "dropped");
    const tag = await c.s.said(50);
    const script = await steps(/ack_floor/);
    const later = pause(6000).then(mend); // it is still there when the steps begin to wait
    const waiting = await c.w.shell("edge-1", script).finally(() => later);
    assert.match(waiting, /^(false\n)+true\n?$/);
    await c.w.shell("edge-1", await steps(/size' 1Gi -s edge-1/));
    const [after] = await c.s.claims("edge-1");
    assert.deepEqual([after?.size, after?.storageClass, after?.phase], ["1Gi", fast, "Bound"]);
    assert.notEqual(before?.storageClass, fast);
    assert.notEqual(after?.uid, before?.uid);
    assert.equal(await c.s.found(tag, 50), 50);
    await c.s.whole("after a new claim");
  });

  it("an edge gets a new claim like the old one", async () => {
    const [before] = await c.s.claims("edge-1");
    const pods = await podIdentities(c.w.kubectl["edge-1"]);
    const made = await streamsMade(c.w, "edge-1");
    await c.w.shell("edge-1", await steps(/^kubectl [^\n]+ delete pvc nats-js-nats-0 --wait=false &&\n[^\n]+\n$/));
    await until(
      "the stream",
      () => streamsMade(c.w, "edge-1"),
      (times) => times > made,
      120,
    );
    const [after] = await c.s.claims("edge-1");
    assert.deepEqual({ ...after, uid: before?.uid }, before);
    assert.notEqual(after?.uid, before?.uid);
    assert.notDeepEqual(await podIdentities(c.w.kubectl["edge-1"]), pods);
    await c.s.whole("after a new claim like the old one");
  });

  it("the primary's servers get smaller claims one by one, while events flow", async () => {
    const { limit, last } = await c.s.stream("primary");
    await c.w.shell("primary", await steps(/maxSize' 4Gi/));
    await c.serverByServer("new claims server by server", await steps(/for i in 0 1 2/));
    await c.w.shell("primary", await steps(/config rm .*maxSize/));
    const shrunk = await c.s.stream("primary");
    assert.ok(Math.abs(shrunk.limit - limit / 2) <= 1, `${shrunk.limit}, not half of ${limit}`);
    assert.ok(shrunk.last > last);
    assert.deepEqual(await c.sizes("primary"), ["2Gi", "2Gi", "2Gi"]);
    await c.s.whole("after new claims server by server");
  });

  it("and claims of another class, with the line for that in the place of the first", async () => {
    const fast = await c.fastClass("primary");
    const [, ...rest] = (await steps(/for i in 0 1 2/)).split("\n");
    const { last } = await c.s.stream("primary");
    const script = [`${await c.otherClass("primary", fast)} &&`, ...rest].join("\n");
    await c.serverByServer("new claims of another class", script);
    const classes = (await c.s.claims("primary")).map(({ size, storageClass }) => [size, storageClass]);
    assert.deepEqual(classes, Array(3).fill(["2Gi", fast]));
    assert.ok((await c.s.stream("primary")).last > last);
  });

  it("an edge goes from one server to three", async () => {
    const [lone] = await c.s.claims("edge-1");
    await c.beginsAnew("edge-1", 1, 3);
    assert.deepEqual(
      (await c.s.claims("edge-1")).filter(({ uid }) => uid === lone?.uid),
      [],
    );
    await c.s.whole("after an edge of three began anew");
  });

  it("and its servers get smaller claims one by one by the blocks for the primary, while events flow", async () => {
    const [size = ""] = await c.sizes("edge-1");
    const block = async (pattern: RegExp) => (await steps(pattern)).replaceAll("-s primary", "-s edge-1");
    await c.w.shell("edge-1", (await block(/maxSize' 4Gi/)).replace("4Gi", size));
    const script = (await block(/for i in 0 1 2/)).replace("size' 2Gi", "size' 600Mi");
    await c.serverByServer("new claims of an edge server by server", script, "edge-1");
    await c.w.shell("edge-1", await block(/config rm .*maxSize/));
    assert.deepEqual(await c.sizes("edge-1"), ["600Mi", "600Mi", "600Mi"]);
    assert.notEqual(size, "600Mi");
    await c.s.whole("after new claims of an edge server by server");
  });

  for (const stack of ["primary", "edge-1"] as const) {
    it(`one of the three servers of ${stack} gets a new disk by the loop alone, with its number`, async () => {
      const loop = (await steps(/for i in 0 1 2/)).replace(/^[\s\S]*?(?= *for i in)/, "").replace("0 1 2", "1");
      const before = await c.s.claims(stack);
      await c.s.whole(`a new disk for one server of ${stack}`, () => c.w.shell(stack, loop));
      const after = await c.s.claims(stack);
      const same = after.map(({ uid }, i) => uid === before[i]?.uid);
      assert.deepEqual(same, [true, false, true]);
      await c.s.whole(`after a new disk for one server of ${stack}`);
    });
  }

  it("a set that is gone comes back with the next up, with its claims", async () => {
    const claims = await c.s.claims("primary");
    const { last } = await c.s.stream("primary");
    const set = () => c.w.kubectl.primary.run(["get", "statefulset", "nats", "-o", "name", "--ignore-not-found"]);
    // as one that was typed and interrupted: it is still there, and will go
    await c.w.shell("primary", "kubectl -n ops-system delete statefulset nats --cascade=foreground --wait=false");
    const { failed, text } = await c.w.pulumi("primary", ...UP);
    assert.ok(!failed, text);
    assert.notEqual(await set(), "");
    const again = await c.w.pulumi("primary", "preview", "--expect-no-changes");
    assert.ok(!again.failed, again.text);
    assert.deepEqual(await c.s.claims("primary"), claims);
    assert.ok((await c.s.stream("primary")).last >= last);
    await c.s.whole("after a set had gone");
  });

  it("is switched off by the same steps: events come as before, and nothing is kept; and on again", async () => {
    const primaryOn = await steps(/enabled' true -s primary/);
    const { last } = await c.s.stream("primary");
    await c.w.shell("primary", primaryOn.replaceAll("enabled' true", "enabled' false"));
    await c.w.shell("edge-1", await switchedAtEdge());
    for (const stack of ["primary", "edge-1"] as const) {
      const { items } = await c.w.kubectl[stack].json<{ items: { spec: { volumeClaimTemplates?: object[] } }[] }>([
        "get",
        "statefulset",
      ]);
      assert.deepEqual(
        items.map(({ spec }) => spec.volumeClaimTemplates ?? []),
        [[]],
      );
      assert.deepEqual(await keptAt(c.w, stack), []);
    }
    const { primary, "edge-1": edge } = c.w.kubectl;
    assert.deepEqual(await cross(edge, primary, EVENT("edge-1"), ["plain"], { filter: "ops.>" }), ["plain"]);
    await c.w.shell("primary", primaryOn);
    await c.w.shell("edge-1", await switchedAtEdge());
    assert.ok((await c.s.stream("primary")).last >= last, "what was there is there");
    await c.s.whole("after persistence was switched off and on");
  });

  otherServersSuite(() => c);

  it("and the README's commands remove what destroy leaves", () => nothingLeft(c.w));
});
