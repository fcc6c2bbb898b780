// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { until } from "../../../sandbox/kubectl.ts";
import { podIdentities, readmeBlock, type Stack, UP, type World, world } from "../world.ts";

const STACK: Stack = "edge-2";

/** Slow enough to be caught while Helm waits. */
const SLOW = {
  values: {
    container: { merge: { startupProbe: { initialDelaySeconds: 12 }, readinessProbe: { initialDelaySeconds: 12 } } },
  },
};

describe("a run that was interrupted can be repeated", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
  });
  beforeEach(async () => {
    await w.pulumi(STACK, "cancel", "--yes");
    await w.destroy(STACK).catch(() => undefined);
    await w.shell(STACK, "helm uninstall nats -n ops-system --ignore-not-found --wait");
    await w.configure(STACK, SLOW);
  });

  /** Starts `pulumi up` and gives it as soon as Helm waits for the pods. */
  async function upUntilHelmWaits() {
    const run = w.workspace.pulumi(["up", "-s", STACK, "--yes", "--skip-preview", "--non-interactive"], {
      reject: false,
      detached: true, // a group of its own, as in a terminal
    });
    const status = () =>
      w.kubectl[STACK].run(["get", "secret", "-l", "owner=helm", "-o", "jsonpath={.items[*].metadata.labels.status}"]);
    await until("Helm to wait", status, (text) => text === "pending-install", 60);
    return { run }; // a bare run would be awaited by the caller's await
  }

  /** The processes of a run, by their parents: command line -> pid. */
  async function descendants(pid: number): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    const stats = await Promise.all(
      (await readdir("/proc"))
        .filter((n) => /^\d+$/.test(n))
        .map(async (n) => {
          const stat = await readFile(`/proc/${n}/stat`, "utf8").catch(() => "");
          const command = (await readFile(`/proc/${n}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
          return { pid: Number(n), parent: Number(/\) \S (\d+)/.exec(stat)?.[1]), command };
        }),
    );
    const walk = (parent: number) => {
      for (const p of stats.filter((s) => s.parent === parent)) {
        found.set(p.command, p.pid);
        walk(p.pid);
      }
    };
    walk(pid);
    return found;
  }

  async function works(): Promise<void> {
    const { failed, text } = await w.pulumi(STACK, ...UP);
    assert.ok(!failed, text);
    assert.match(await w.kubectl[STACK].run(["get", "pod", "nats-0"]), /2\/2 +Running/);
    const again = await w.pulumi(STACK, "preview", "--expect-no-changes");
    assert.ok(!again.failed, again.text);
  }

  it("by Ctrl-C: the next up goes through, or says what to type", async () => {
    const { run } = await upUntilHelmWaits();
    process.kill(-(run.pid ?? 0), "SIGINT"); // a terminal tells the whole group
    await run;
    const next = await w.pulumi(STACK, ...UP);
    if (next.failed) {
      assert.match(next.text, /next: helm uninstall nats -n ops-system/);
      await w.shell(STACK, await readmeBlock("An interrupted run"));
    }
    await works();
  });

  it("by kill -9 of the CLI: lock and Helm's record are told, and the README's commands clear them", async () => {
    const { run } = await upUntilHelmWaits();
    const children = await descendants(run.pid ?? 0);
    run.kill("SIGKILL");
    await run;
    for (const pid of children.values()) await ended(pid);
    const locked = await w.pulumi(STACK, ...UP);
    assert.ok(locked.failed);
    assert.match(locked.text, /currently locked by 1 lock/);
    await w.pulumi(STACK, "cancel", "--yes");
    const { failed, text } = await w.pulumi(STACK, ...UP);
    assert.ok(failed, text);
    assert.match(
      text,
      /came one with status (pending-install|deployed), left by an interrupted run; next: helm uninstall nats -n ops-system/,
    );
    await w.shell(STACK, (await readmeBlock("An interrupted run")).replaceAll("edge-1", STACK));
    await works();
  });

  it("by kill -9 of the Kubernetes provider", async () => {
    const { run } = await upUntilHelmWaits();
    const [, provider] =
      [...(await descendants(run.pid ?? 0))].find(([command]) => command.includes("pulumi-resource-kubernetes")) ?? [];
    assert.ok(provider, "the provider is a child of the run");
    process.kill(provider, "SIGKILL");
    const { failed } = await run;
    assert.ok(failed);
    const next = await w.pulumi(STACK, ...UP);
    assert.ok(next.failed, next.text);
    assert.match(next.text, /next: helm uninstall nats -n ops-system/);
    await w.shell(STACK, (await readmeBlock("An interrupted run")).replaceAll("edge-1", STACK));
    await works();
  });

  it("half way to another namespace: going back finds its own release, and no pod is another", async () => {
    const kubectl = w.kubectl[STACK];
    await w.ensure(STACK);
    const pods = await podIdentities(kubectl);
    await kubectl.apply("closed", [
      { kind: "Namespace", metadata: { name: "closed" } },
      { kind: "ResourceQuota", metadata: { name: "none" }, spec: { hard: { secrets: "0" } } },
    ]);
    await w.configure(STACK, { namespace: "closed" });
    const { failed, text } = await w.pulumi(STACK, ...UP);
    assert.ok(failed, text);
    assert.match(text, /ops-nats-auth.* is forbidden/);
    await w.configure(STACK);
    await works();
    assert.deepEqual(await podIdentities(kubectl), pods);
    await kubectl.run(["delete", "namespace", "closed"]);
  });

  /** Waits until a process of the killed run is gone by itself; ends it by its own id after ten seconds. */
  async function ended(pid: number): Promise<void> {
    const alive = async () =>
      (await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone")).includes(") Z") || !(await exists(pid));
    await until(`process ${pid} to end`, alive, (gone) => gone, 10).catch(() => process.kill(pid, "SIGKILL"));
  }
  const exists = async (pid: number) =>
    (await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined)) !== undefined;
});
