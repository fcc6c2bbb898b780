// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { leafs, until } from "../../../sandbox/kubectl.ts";
import { arrives, cross } from "../../harness/clusters/traffic.ts";
import { documentation, EVENT, secretOf, type World, world } from "../../harness/clusters/world.ts";

describe("pulumi up -s primary, pulumi up -s edge-1", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary");
    await w.ensure("edge-1");
  });

  it("link the edge to the primary: seen at both ends, by the advertised address alone", async () => {
    const { primary, "edge-1": edge } = w.kubectl;
    const [atPrimary] = await until(
      "one link at the primary",
      () => leafs(primary),
      (all) => all.length === 1,
    );
    const [atEdge] = await until(
      "one link at the edge",
      () => leafs(edge),
      (all) => all.length === 1,
    );
    assert.deepEqual([atPrimary?.name, atPrimary?.account], ["edge-1.nats-0", "EDGE-edge-1"]);
    assert.deepEqual([atEdge?.account, atEdge?.ip, atEdge?.port], ["APP", layoutOf("primary").address, 32222]);
  });

  for (const filter of [EVENT("edge-1"), "ops.clusters.*.namespaces.>", "ops.>", ">"]) {
    it(`carry an event to a subscriber of ${filter}`, async () => {
      const { primary, "edge-1": edge } = w.kubectl;
      assert.deepEqual(await cross(edge, primary, EVENT("edge-1"), ["one", "two"], { filter }), ["one", "two"]);
    });
  }

  it("carry notifications, which have no cluster in their subject", async () => {
    const { primary, "edge-1": edge } = w.kubectl;
    const subject = "ops.notifications.providers.p.channels.c.severities.s";
    assert.deepEqual(await cross(edge, primary, subject, ["note"]), ["note"]);
  });

  it("let no edge speak for another, and bring nothing of the primary down", async () => {
    const { primary, "edge-1": edge } = w.kubectl;
    const [up, down] = [EVENT("edge-1"), EVENT("primary")];
    assert.equal(await arrives(edge, primary, EVENT("edge-2"), { from: edge, subject: up }), false);
    assert.equal(await arrives(primary, edge, down, { from: edge, subject: up }), false);
    // the same question of what is allowed
    assert.equal(await arrives(edge, primary, up, { from: edge, subject: up }), true);
    assert.equal(await arrives(primary, primary, down, { from: edge, subject: up }), true);
  });

  it("give outputs that are true: Ops' endpoint and the public client port log in", async () => {
    const outputs = await w.workspace.outputs("primary");
    assert.equal(outputs.leafUrl, `tls://${layoutOf("primary").address}:32222`);
    const publish = (server: unknown, ...login: string[]) =>
      w.kubectl.primary.run([
        "exec",
        "deployment/nats-box",
        "--",
        "env",
        "-u",
        "NATS_USER",
        "-u",
        "NATS_PASSWORD",
        "nats",
        "--server",
        String(server),
        ...login,
        "pub",
        "a",
        "b",
      ]);
    const secret = await secretOf(w.kubectl.primary);
    const command =
      /^kubectl .*ops-event-endpoint.*$/m.exec(await documentation())?.[0] ??
      assert.fail("the documentation has no command");
    await publish((await w.shell("primary", command)).trim());
    await publish(outputs.publicClientUrl, "--user", "app", "--password", String(secret["app-password"]));
    await assert.rejects(publish(outputs.publicClientUrl), /Authorization Violation/);
  });
});
