// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { until } from "../../../sandbox/kubectl.ts";
import { podIdentities, type Stack, secretOf, UP, type World, world } from "../../harness/clusters/world.ts";

const STACK: Stack = "edge-2";

/** Slow enough to be caught while Helm waits. */
const SLOW = {
  values: {
    container: { merge: { startupProbe: { initialDelaySeconds: 5 }, readinessProbe: { initialDelaySeconds: 5 } } },
  },
};

const VICTIMS = ["the CLI", "the Kubernetes provider", "the CLI and the Kubernetes provider"] as const;
type Victim = (typeof VICTIMS)[number];

describe("a run that was interrupted can be repeated", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
  });

  /** Nothing of the stack is there: the next `up` installs. */
  async function absent(): Promise<void> {
    await w.configure(STACK, SLOW);
    await w.pulumi(STACK, "cancel", "--yes");
    await w.destroy(STACK);
  }

  const statuses = () =>
    w.kubectl[STACK].run(["get", "secret", "-l", "owner=helm", "-o", "jsonpath={.items[*].metadata.labels.status}"]);

  /** Starts `pulumi up` and gives it as soon as Helm waits for the pods. */
  async function upUntilHelmWaits(wanted: "pending-install" | "pending-upgrade") {
    const run = w.workspace.pulumi(["up", "-s", STACK, "--yes", "--skip-preview", "--non-interactive"], {
      reject: false,
      detached: true, // a group of its own, as in a terminal
    });
    await until("Helm to wait", statuses, (text) => text.split(" ").includes(wanted), 60);
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
    await until(
      "the pod",
      () => w.kubectl[STACK].run(["get", "pod", "nats-0"]),
      (told) => /2\/2 +Running/.test(told),
      60,
    );
    await w.shell(STACK, "helm get manifest nats -n ops-system | kubectl get -n ops-system -f - >/dev/null"); // all is there
    const again = await w.pulumi(STACK, "preview", "--expect-no-changes");
    assert.ok(!again.failed, again.text);
  }

  /** What is changed to make an upgrade that Helm waits for. */
  const again = (run: number) => ({
    values: { ...SLOW.values, podTemplate: { merge: { metadata: { labels: { run: `again-${run}` } } } } },
  });

  /** Ends a run at once: the CLI, the Kubernetes provider, or both. */
  async function kill({ run }: Awaited<ReturnType<typeof upUntilHelmWaits>>, what: Victim): Promise<void> {
    const children = await descendants(run.pid ?? 0);
    const provider = [...children].find(([command]) => command.includes("pulumi-resource-kubernetes"))?.[1];
    assert.ok(provider, "the provider is a child of the run");
    if (what !== "the CLI") process.kill(provider, "SIGKILL");
    if (what !== "the Kubernetes provider") run.kill("SIGKILL");
    await run;
    await Promise.all([...children.values()].map(ended));
    if (what === "the Kubernetes provider") return;
    const locked = await w.pulumi(STACK, ...UP);
    assert.ok(locked.failed);
    assert.match(locked.text, /currently locked by 1 lock/);
    await w.pulumi(STACK, "cancel", "--yes");
  }

  it("by Ctrl-C: the next up goes through", async () => {
    await absent();
    const { run } = await upUntilHelmWaits("pending-install");
    process.kill(-(run.pid ?? 0), "SIGINT"); // a terminal tells the whole group
    await run;
    await works();
  });

  for (const what of VICTIMS) {
    it(`by kill -9 of ${what} while Helm installs: the same up goes on`, async () => {
      await absent();
      await kill(await upUntilHelmWaits("pending-install"), what);
      await works();
    });
  }

  it("by kill -9 of the CLI, of the provider and of both while Helm upgrades: the same up goes on", async () => {
    await w.configure(STACK);
    await works();
    const passwords = async () => (await secretOf(w.kubectl[STACK]))["app-password"];
    const password = await passwords();
    for (const [i, what] of VICTIMS.entries()) {
      await w.configure(STACK, again(i));
      await kill(await upUntilHelmWaits("pending-upgrade"), what);
      await works();
    }
    assert.equal(await passwords(), password);
  });

  const hold = (finalizers: readonly string[] | null) =>
    w.kubectl[STACK].run([
      "patch",
      "service",
      "nats",
      "--type=merge",
      "-p",
      JSON.stringify({ metadata: { finalizers } }),
    ]);

  it("by kill -9 of the provider while Helm uninstalls: the same up goes on, and so does the same destroy", async () => {
    const sets = () => w.kubectl[STACK].run(["get", "statefulset", "-o", "name"]);
    for (const [i, next] of (["up", "up", "destroy"] as const).entries()) {
      await w.configure(STACK);
      await works();
      // Helm waits for all that it deletes
      await hold(["test.ops-nats.example/hold"]);
      const run = w.workspace.pulumi(["destroy", "-s", STACK, "--yes", "--skip-preview", "--non-interactive"], {
        reject: false,
        detached: true,
      });
      await until("Helm to uninstall", statuses, (text) => text.includes("uninstalling"), 60);
      // what comes late is killed late: Helm has then deleted the rest
      if (i > 0) await until("the set of servers to be gone", sets, (text) => text === "", 60);
      await kill({ run }, "the Kubernetes provider");
      await hold(null);
      if (next === "up") await works();
      else await w.destroy(STACK);
    }
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
