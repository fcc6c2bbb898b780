// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readmeBlock, type World, world } from "../world.ts";

describe("JetStream on the primary", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.destroy("primary").catch(() => undefined);
    await w.ensure("primary", { persistence: { enabled: true, size: "1Gi", storageClass: await defaultClass() } });
  });

  async function defaultClass(): Promise<string> {
    const name = await w.kubectl.primary.run(["get", "storageclass", "-o", "jsonpath={.items[0].metadata.name}"]);
    assert.notEqual(name, "");
    return name;
  }

  it("has a bound claim of that size and class for each server", async () => {
    interface Claim {
      metadata: { name: string };
      spec: { storageClassName: string; resources: { requests: { storage: string } } };
      status: { phase: string };
    }
    const { items } = await w.kubectl.primary.json<{ items: Claim[] }>(["get", "pvc"]);
    const seen = items.map((c) => [
      c.metadata.name,
      c.status.phase,
      c.spec.resources.requests.storage,
      c.spec.storageClassName,
    ]);
    const name = await defaultClass();
    assert.deepEqual(
      seen,
      [0, 1, 2].map((i) => [`nats-js-nats-${i}`, "Bound", "1Gi", name]),
    );
  });

  it("keeps a replicated stream for app", async () => {
    const box = (...args: string[]) => w.kubectl.primary.box(["nats", ...args]);
    await box("stream", "add", "kept", "--subjects", "kept.>", "--storage", "file", "--replicas", "3", "--defaults");
    await box("pub", "kept.one", "stays");
    assert.match(await box("stream", "get", "kept", "1"), /stays/);
  });

  it("leaves claims at destroy, and the README's commands remove them", async () => {
    await w.destroy("primary");
    const names = () => w.kubectl.primary.run(["get", "pvc", "-o", "name"]);
    assert.equal((await names()).split("\n").length, 3);
    await w.shell("primary", await readmeBlock("What destroy leaves"));
    const left = await w.kubectl.primary.run(["get", "namespace", "--ignore-not-found", "ops-system"]);
    assert.equal(left, "");
  });
});
