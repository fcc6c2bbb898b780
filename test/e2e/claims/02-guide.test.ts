// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { until } from "../../../sandbox/kubectl.ts";
import { blocksOf, type Stack, secretOf, type World, world } from "../../harness/clusters/world.ts";

describe("the guide's commands, as printed", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary");
    await w.ensure("edge-1");
  });

  it("kubectl get pod,svc shows three servers, nats-box and the two NodePorts", async () => {
    const text = await w.shell("primary", "kubectl -n ops-system get pod,svc | grep nats");
    for (const pattern of [
      /pod\/nats-0 +2\/2 +Running/,
      /pod\/nats-1 +2\/2/,
      /pod\/nats-2 +2\/2/,
      /pod\/nats-box-\S+ +1\/1/,
    ])
      assert.match(text, pattern);
    assert.match(text, /service\/nats +NodePort .*4222:32223\/TCP/);
    assert.match(text, /service\/nats-leaf +NodePort .*7422:32222\/TCP/);
    assert.match(text, /service\/nats-headless +ClusterIP +None/);
  });

  for (const stack of ["primary", "edge-1"] as const satisfies Stack[]) {
    it(`nats sub mysub, nats pub mysub "mymessage mycontent" within ${stack}`, async () => {
      const kubectl = w.kubectl[stack];
      const subscriber = kubectl.start(["exec", "deployment/nats-box", "--", "sh", "-c", "nats sub mysub"]);
      let text = "";
      subscriber.all?.on("data", (chunk: Buffer) => (text += chunk.toString()));
      try {
        const publish = async () => {
          await kubectl.box(["sh", "-c", 'nats pub mysub "mymessage mycontent"']);
          return text;
        };
        assert.match(
          await until("the guide's message", publish, (seen) => seen.includes("mymessage mycontent")),
          /Received on "mysub"/,
        );
      } finally {
        subscriber.kill();
      }
    });
  }

  it("nats server list --user=admin --password=… lists the three servers, and app may not", async () => {
    const password = String((await secretOf(w.kubectl.primary))["admin-password"]);
    // it waits 300 ms for another answer
    await until(
      "the three servers",
      () => w.kubectl.primary.box(["nats", "server", "list", "--user=admin", `--password=${password}`]),
      (text) => ["primary.nats-0", "primary.nats-1", "primary.nats-2"].every((name) => text.includes(name)),
    );
    await assert.rejects(w.kubectl.primary.box(["nats", "server", "list", "--timeout", "2s"]), /./);
  });

  it("the README's commands show the edge's link, on one of the primary's servers", async () => {
    const [commands = ""] = (await blocksOf("On your own clusters")).filter((text) => text.includes("leafnodes"));
    await until(
      "the link",
      () => w.shell("primary", commands),
      (text) => text.trim() === "edge-1.nats-0",
    );
  });

  it("nats bench benchsubject --pub 1 --sub 10 delivers every message to each of the ten", async () => {
    const text = await w.kubectl.primary.box([
      "nats",
      "bench",
      "benchsubject",
      "--pub",
      "1",
      "--sub",
      "10",
      "--msgs",
      "20000",
      "--no-progress",
    ]);
    assert.match(text, /Sub stats/);
    assert.equal([...text.matchAll(/^ *\[\d+\] .*\(20000 msgs\)/gm)].length, 10, text);
  });
});
