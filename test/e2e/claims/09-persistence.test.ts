// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { execa } from "execa";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { until } from "../../../sandbox/kubectl.ts";
import { toolchain } from "../../../sandbox/toolchain/toolchain.ts";
import { complaints, during } from "../../durability/scenario.ts";
import { cut, dropLines, reachable, siteOf, streamsMade } from "../clusterSite.ts";
import { cross } from "../traffic.ts";
import { EVENT, podIdentities, readme, readmeBlock, readmeBlocks, type Stack, type World, world } from "../world.ts";

const LOAD = { load: { steady: 200, each: 10, size: 500 } };
const UP = ["up", "--yes", "--skip-preview"];

describe("persistence", () => {
  let w: World;
  let persistence: { enabled: boolean; size: string; storageClass: string };
  before(async () => {
    w = await world();
    const names = "jsonpath={.items[0].metadata.name}";
    const storageClass = await w.kubectl.primary.run(["get", "storageclass", "-o", names]);
    assert.notEqual(storageClass, "");
    persistence = { enabled: true, size: "1Gi", storageClass };
    await w.ensure("primary");
    await w.ensure("edge-1", reachable);
  });

  afterEach("no server has dropped what it was to store", async () => {
    for (const stack of ["primary", "edge-1", "edge-2"] as const) {
      // the log of a pod that is just being made cannot be had
      await until(
        `the servers of ${stack} to have dropped nothing`,
        () => dropLines(w, stack),
        (lines) => lines.length === 0,
      );
    }
  });

  /** The one block of the README's steps that has this. */
  async function steps(pattern: RegExp): Promise<string> {
    const [block, ...more] = (await readmeBlocks("Changing persistence")).filter((text) => pattern.test(text));
    if (block === undefined || more.length > 0) assert.fail(`expected one block with ${pattern}`);
    return block;
  }

  interface Claim {
    metadata: { name: string; uid: string };
    spec: { storageClassName: string; resources: { requests: { storage: string } } };
    status: { phase: string };
  }
  const claims = async (stack: Stack) =>
    (await w.kubectl[stack].json<{ items: Claim[] }>(["get", "pvc"])).items.map((claim) => ({
      name: claim.metadata.name,
      phase: claim.status.phase,
      size: claim.spec.resources.requests.storage,
      storageClass: claim.spec.storageClassName,
      uid: claim.metadata.uid,
    }));

  /** Has edge-1 say so many events, each with a subject of its own; gives what these have in common. */
  async function said(events: number): Promise<string> {
    const tag = `said-${Date.now()}`;
    const client = await (await siteOf(w, ["edge-1"], true)).connect("edge-1");
    for (let i = 0; i < events; i++) client.publish(`ops.clusters.edge-1.${tag}.${i}`);
    await client.flush();
    await client.close();
    return tag;
  }

  /** Events of edge-1 while something is done: nothing of what it stored is lost, doubled or out of order. */
  async function whole(title: string, act: () => Promise<unknown>): Promise<void> {
    const site = await siteOf(w, ["edge-1"], true);
    const outcomes = await during(site, title, act, LOAD);
    assert.deepEqual(complaints(outcomes), []);
  }

  const secretVersion = async (stack: Stack) =>
    (await w.kubectl[stack].json<{ metadata: { resourceVersion: string } }>(["get", "secret", "ops-nats-auth"]))
      .metadata.resourceVersion;

  async function refused(stack: Stack): Promise<void> {
    const [pods, secret] = [await podIdentities(w.kubectl[stack]), await secretVersion(stack)];
    const { failed, text } = await w.pulumi(stack, ...UP);
    assert.ok(failed, text);
    assert.match(text, /persistence: expected no claim for each server, as they run with; came a claim of [12]Gi/);
    assert.match(text, /next: kubectl -n ops-system delete statefulset nats --cascade=foreground/);
    assert.deepEqual(await podIdentities(w.kubectl[stack]), pods);
    assert.equal(await secretVersion(stack), secret);
  }

  it("switched on for servers that run is refused with the way to do it, and nothing is changed", async () => {
    await w.configure("primary", { persistence });
    await refused("primary");
  });

  it("is switched on by the README's steps, at the primary and then at the edge", async () => {
    await w.shell("primary", await steps(/enabled' true -s primary/));
    await refused("edge-1");
    const script = await steps(/^kubectl [^\n]+\n[^\n]+ -s edge-1\n$/);
    await whole("persistence switched on", () => w.shell("edge-1", script));
    for (const [stack, servers, size] of [["primary", 3, "1Gi"] as const, ["edge-1", 1, "2Gi"] as const]) {
      assert.deepEqual(
        (await claims(stack)).map(({ name, phase, size, storageClass }) => [name, phase, size, storageClass]),
        Array.from({ length: servers }, (_, i) => [`nats-js-nats-${i}`, "Bound", size, persistence.storageClass]),
      );
      assert.match(await w.kubectl[stack].run(["get", "deployment", "nats-keeper"]), /nats-keeper +1\/1/);
    }
    await whole("after persistence was switched on", () => pause(2000));
  });

  it("is idempotent: preview, up and refresh change nothing", async () => {
    for (const stack of ["primary", "edge-1"] as const) {
      for (const command of [["preview"], UP, ["refresh", "--yes", "--skip-preview"], ["preview"]]) {
        const { failed, text } = await w.pulumi(stack, ...command, "--expect-no-changes");
        assert.ok(!failed, text);
        assert.doesNotMatch(text, /warning:/);
      }
    }
  });

  it("loses, doubles and reorders nothing over a cut link and two updates of the list", async () => {
    await whole("cut, and the list changed twice", async () => {
      const mend = await cut("edge-1", "dropped");
      await w.ensure("primary", { persistence, edges: ["edge-1", "edge-2"] });
      await mend();
      await pause(3000);
      await w.ensure("primary", { persistence });
    });
  });

  it("has an edge that opts out heard live and found in ops, beside one that stores", async () => {
    const edges = ["edge-1", { name: "edge-2", persistence: false }];
    await w.ensure("primary", { persistence, edges });
    await w.ensure("edge-2", reachable);
    assert.equal(await w.kubectl["edge-2"].run(["get", "pvc", "-o", "name"]), "");
    const site = await siteOf(w, ["edge-1", "edge-2"], true);
    const clients = [await site.connect("edge-1"), await site.connect("edge-2")];
    const tag = `opted-${Date.now()}`;
    const subjects = ["edge-1", "edge-2"].map((name) => `ops.clusters.${name}.${tag}`);
    for (const [i, client] of clients.entries()) {
      client.publish(subjects[i] ?? "", tag);
      await client.flush();
      await client.close();
    }
    assert.deepEqual(
      await ask("query", `ops.clusters.*.${tag}`, 2),
      subjects.map((subject) => `${subject} ${tag}`).sort(),
    );
    const names = await ask("subjects", undefined, 2);
    for (const subject of subjects) assert.ok(names.includes(subject), names.join());
  });

  /** What a cluster's stream `ops` has, by a client of app. */
  async function streamOf(stack: Stack): Promise<{ messages: number; last: number; limit: number }> {
    const client = await (await siteOf(w, ["edge-1"], true)).connect(stack);
    const { state, config } = await (await jetstreamManager(client)).streams.info("ops");
    await client.close();
    return { messages: state.messages, last: state.last_seq, limit: config.max_bytes };
  }

  /** Asks the primary as Ops does, again until so many lines are there. */
  async function ask(command: string, subject: string | undefined, lines: number): Promise<string[]> {
    const tools = await toolchain();
    const password = String((await w.workspace.outputs("primary")).appPassword);
    const url = `nats://app:${password}@${layoutOf("primary").address}:32223`;
    const end = Date.now() + 30_000;
    for (;;) {
      // right after a consumer was made, a server may not know it yet: then Ops' client asks again, too
      const args = [command, url, ...(subject ? [subject] : [])];
      const { stdout, stderr, failed } = await execa(tools.program("ops-client"), args, { reject: false });
      assert.ok(!failed || stderr.includes("no responders"), stderr);
      const found = stdout.split("\n").filter((line) => line !== "");
      if (found.length >= lines || Date.now() > end) return found.sort();
      await pause(500);
    }
  }

  it("shows no password of the keeper in clear text", async () => {
    const { data } = await w.kubectl.primary.json<{ data: Record<string, string> }>(["get", "secret", "ops-nats-auth"]);
    const password = Buffer.from(data["keeper-password"] ?? "", "base64").toString();
    assert.equal(password.length, 32);
    const objects = await w.kubectl.primary.run(["get", "configmap,statefulset,deployment,pod,event", "-o", "yaml"]);
    const logs = await w.kubectl.primary.run(["logs", "deployment/nats-keeper"]);
    const state = (await w.pulumi("primary", "stack", "export")).text;
    for (const text of [objects, logs, state, w.printed.join("\n")]) {
      assert.ok(text.length > 50);
      assert.ok(!text.includes(password));
    }
  });

  it("keeps streams when a stack is destroyed, and the next up goes on with them", async () => {
    const before = await ask("subjects", undefined, 1);
    assert.ok(before.length > 2);
    await w.destroy("primary");
    assert.equal((await w.kubectl.primary.run(["get", "pvc", "-o", "name"])).split("\n").length, 3);
    // with less room, new servers would not take up the streams that are there
    await w.configure("primary", { persistence: { ...persistence, size: "500Mi" } });
    const { failed, text } = await w.pulumi("primary", ...UP);
    assert.ok(failed, text);
    assert.match(
      text,
      /persistence.size: expected 1Gi or more, for servers that are to take the claims that are there/,
    );
    assert.equal(await w.kubectl.primary.run(["get", "statefulset", "-o", "name"]), "");
    await w.ensure("primary", { persistence, edges: ["edge-1"] });
    assert.deepEqual(await ask("subjects", undefined, before.length), before);
    await w.configure("edge-1", reachable); // its login is another now
    await w.ensure("edge-1", reachable);
    await whole("after destroy", () => pause(2000));
  });

  it("another size is refused with the way to it, and nothing is changed", async () => {
    const pods = await podIdentities(w.kubectl["edge-1"]);
    await w.configure("edge-1", { ...reachable, persistence: { size: "4Gi" } });
    const { failed, text } = await w.pulumi("edge-1", ...UP);
    assert.ok(failed, text);
    assert.match(text, /expected a claim of 2Gi for each server, as they run with; came a claim of 4Gi/);
    assert.match(text, /next: expand the claims, or make new ones; then kubectl -n ops-system delete statefulset nats/);
    assert.deepEqual(await podIdentities(w.kubectl["edge-1"]), pods);
    await w.configure("edge-1", reachable);
    await w.configure("primary", { persistence: { ...persistence, size: "500Mi" } });
    const smaller = await w.pulumi("primary", ...UP);
    assert.ok(smaller.failed, smaller.text);
    assert.match(smaller.text, /came a claim of 500Mi.*next: pulumi config set .*fileStore.maxSize' 1Gi/);
    await w.configure("primary", { persistence, edges: ["edge-1"] });
  });

  for (const [stack, times] of [["edge-1", 2] as const, ["primary", 4] as const]) {
    it(`the claims of ${stack}, expanded by the README's steps, keep all`, async () => {
      const before = await claims(stack);
      const stored = await streamOf(stack);
      assert.ok(stored.messages > 0);
      await w.shell(stack, (await steps(/ patch /)).replaceAll("-s edge-1", `-s ${stack}`));
      assert.deepEqual(
        await claims(stack),
        before.map((claim) => ({ ...claim, size: "4Gi" })),
      );
      const grown = await streamOf(stack);
      assert.deepEqual([grown.last, grown.messages], [stored.last, stored.messages]);
      const wanted = times * stored.limit; // each is a whole number of bytes
      assert.ok(Math.abs(grown.limit - wanted) <= times, `${grown.limit}, not ${wanted}`);
      await whole(`after the claims of ${stack} were expanded`, () => pause(2000));
    });
  }

  it("an edge gets a new claim, of another size and class, by the README's steps, which wait for what the primary has not had", async () => {
    const [before] = await claims("edge-1");
    const standard = await w.kubectl["edge-1"].json<object>(["get", "storageclass", persistence.storageClass]);
    const fast = { ...standard, metadata: { name: "fast" } };
    await w.shell("edge-1", `kubectl apply -f - <<'END'\n${JSON.stringify(fast)}\nEND`);
    const [, byClass] = /`([^`]+persistence.storageClass' <class> -s edge-1)`/.exec(await readme()) ?? [];
    await w.shell("edge-1", (byClass ?? assert.fail("the README's line for another class")).replace("<class>", "fast"));
    const mend = await cut("edge-1", "dropped");
    const tag = await said(50);
    const script = await steps(/ack_floor/);
    const later = pause(6000).then(mend); // it is still there when the steps begin to wait
    const waiting = await w.shell("edge-1", script).finally(() => later);
    assert.match(waiting, /^(false\n)+true\n?$/);
    await w.shell("edge-1", await steps(/size' 1Gi -s edge-1/));
    const [after] = await claims("edge-1");
    assert.deepEqual([after?.size, after?.storageClass, after?.phase], ["1Gi", "fast", "Bound"]);
    assert.notEqual(before?.storageClass, "fast");
    assert.notEqual(after?.uid, before?.uid);
    assert.equal((await ask("query", `ops.clusters.edge-1.${tag}.*`, 50)).length, 50);
    await whole("after a new claim", () => pause(2000));
  });

  it("an edge gets a new claim like the old one by the README's steps", async () => {
    const [before] = await claims("edge-1");
    const pods = await podIdentities(w.kubectl["edge-1"]);
    const made = await streamsMade(w, "edge-1");
    await w.shell("edge-1", await steps(/^kubectl [^\n]+ delete pvc nats-js-nats-0 --wait=false &&\n[^\n]+\n$/));
    await until(
      "the stream",
      () => streamsMade(w, "edge-1"),
      (times) => times > made,
      120,
    );
    const [after] = await claims("edge-1");
    assert.deepEqual({ ...after, uid: before?.uid }, before);
    assert.notEqual(after?.uid, before?.uid);
    assert.notDeepEqual(await podIdentities(w.kubectl["edge-1"]), pods);
    await whole("after a new claim like the old one", () => pause(2000));
  });

  it("the primary's servers get smaller claims one by one by the README's steps, while events flow", async () => {
    const before = await claims("primary");
    const { limit, last } = await streamOf("primary");
    await w.shell("primary", await steps(/maxSize' 4Gi/));
    await whole("new claims server by server", async () => w.shell("primary", await steps(/for i in 0 1 2/)));
    await w.shell("primary", await steps(/config rm .*maxSize/));
    const shrunk = await streamOf("primary");
    assert.ok(Math.abs(shrunk.limit - limit / 2) <= 1, `${shrunk.limit}, not half of ${limit}`);
    assert.ok(shrunk.last > last);
    const after = await claims("primary");
    assert.deepEqual(
      after.map(({ name, size }) => [name, size]),
      [0, 1, 2].map((i) => [`nats-js-nats-${i}`, "2Gi"]),
    );
    const known = before.map(({ uid }) => uid);
    for (const { uid, name } of after) assert.ok(!known.includes(uid), name);
    await whole("after new claims server by server", () => pause(2000));
  });

  it("an edge goes from one server to three by the README's steps", async () => {
    const [lone] = await claims("edge-1");
    await w.shell("edge-1", await steps(/replicas 3 -s edge-1/));
    const three = await claims("edge-1");
    assert.deepEqual([three.length, three.filter(({ uid }) => uid === lone?.uid)], [3, []]);
    await whole("after an edge of three began anew", () => pause(2000));
  });

  it("is switched off by the same steps: events come as before, and nothing is kept", async () => {
    const off = (block: string) => block.replaceAll("enabled' true", "enabled' false");
    await w.shell("primary", off(await steps(/enabled' true -s primary/)));
    await w.shell("edge-1", await steps(/^kubectl [^\n]+\n[^\n]+ -s edge-1\n$/));
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
  });

  it("a primary of one server goes to three by the README's steps, and gets what an edge has said meanwhile", async () => {
    for (const stack of ["edge-1", "primary"] as const) {
      await w.destroy(stack);
      await w.shell(stack, (await readmeBlock("What destroy leaves")).split("\n")[0] ?? "");
    }
    await w.ensure("primary", { persistence, replicas: 1 });
    await w.ensure("edge-1", reachable);
    const had = await said(1);
    assert.equal((await ask("query", `ops.clusters.edge-1.${had}.*`, 1)).length, 1);
    await w.shell("edge-1", await steps(/ack_floor/)); // what is not acknowledged yet would come again
    const mend = await cut("edge-1", "reset");
    let tag = "";
    try {
      tag = await said(50);
      await w.shell("primary", "pulumi config set ops-nats:replicas 3 -s primary");
      const { failed, text } = await w.pulumi("primary", ...UP);
      assert.ok(failed, text);
      assert.match(text, /replicas: expected 1, as the servers with persistence run; came 3/);
      await w.shell("primary", await steps(/replicas 3 -s primary/));
    } finally {
      await mend();
    }
    assert.equal((await claims("primary")).length, 3);
    assert.equal((await ask("query", `ops.clusters.edge-1.${tag}.*`, 50)).length, 50);
    assert.equal((await ask("query", `ops.clusters.edge-1.${had}.*`, 0)).length, 0);
    await whole("after a primary of three began anew", () => pause(2000));
  });

  it("and the README's commands remove what destroy leaves", async () => {
    for (const stack of ["edge-2", "edge-1", "primary"] as const) {
      await w.destroy(stack);
      await w.shell(stack, await readmeBlock("What destroy leaves"));
      const left = await w.kubectl[stack].run(["get", "namespace", "--ignore-not-found", "ops-system"]);
      assert.equal(left, "");
    }
  });
});
