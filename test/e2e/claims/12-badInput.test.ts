// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { type World, world } from "../../harness/clusters/world.ts";

describe("bad input, told by the real engine", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
  });

  /** A preview of a stack of its own that must fail. */
  async function refused(
    stack: string,
    config: Record<string, unknown>,
    env: Record<string, string> = {},
  ): Promise<string> {
    await w.workspace.pulumi(["stack", "init", stack], { env, reject: false });
    await w.workspace.configure(stack, { "kubernetes:context": "nowhere", ...config });
    const { failed, all } = await w.workspace.pulumi(["preview", "--non-interactive", "-s", stack], {
      env,
      reject: false,
    });
    assert.ok(failed, String(all));
    w.printed.push(String(all));
    return String(all);
  }

  it("all faults of a stack at once, one line each, and nothing planned", async () => {
    const text = await refused("hq", { role: "primary", hosts: ["a:1"], leafPort: 80, edges: ["x", "x"], nonsense: 1 });
    const faults = (text.split("Diagnostics:")[1] ?? "").split("\n").filter((line) => line.includes("; next: "));
    assert.equal(faults.length, 4, text);
    assert.doesNotMatch(text, /Release|Secret/);
  });

  it("a primary that was never deployed", async () => {
    await w.workspace.pulumi(["stack", "init", "empty"]);
    const text = await refused("edge-3", { primaryStack: "organization/ops-nats/empty" });
    assert.match(
      text,
      /organization\/ops-nats\/empty: expected a primary that is deployed; came a stack without outputs; next: pulumi up -s empty/,
    );
  });

  it("a primary stack that does not exist", async () => {
    assert.match(
      await refused("edge-4", { primaryStack: "organization/ops-nats/nowhere" }),
      /unknown stack "organization\/ops-nats\/nowhere"/,
    );
  });

  it("a passphrase that does not fit the primary's secrets", async () => {
    const text = await refused("edge-5", {}, { PULUMI_CONFIG_PASSPHRASE: "another" });
    assert.match(text, /expected secrets that this passphrase decrypts; .*next: set PULUMI_CONFIG_PASSPHRASE/);
  });

  it("a cluster that cannot be reached", async () => {
    const kubeconfig = join(w.workspace.folder, "unreachable.yaml");
    const cluster = { clusters: [{ name: "x", cluster: { server: `https://${layoutOf("primary").address}:1` } }] };
    const context = { contexts: [{ name: "x", context: { cluster: "x", user: "x" } }], "current-context": "x" };
    await writeFile(
      kubeconfig,
      JSON.stringify({ apiVersion: "v1", kind: "Config", ...cluster, ...context, users: [{ name: "x", user: {} }] }),
    );
    await w.workspace.configure("far", {
      role: "primary",
      "kubernetes:kubeconfig": kubeconfig,
      hosts: ["203.0.113.10"],
    });
    const { failed, all } = await w.workspace.pulumi(
      ["up", "--yes", "--skip-preview", "--non-interactive", "-s", "far"],
      { reject: false },
    );
    assert.ok(failed);
    assert.match(
      String(all),
      /cluster \(context x, https:\S+:1\): expected an answer to get namespaces\/kube-system .*; came: .*ECONNREFUSED.*; next: check kubernetes:context, the network and HTTPS_PROXY/,
    );
  });
});
