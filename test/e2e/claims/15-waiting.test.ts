// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { type Kubectl, until } from "../../../sandbox/kubectl.ts";
import { configOf, UP, type World, world } from "../../harness/clusters/world.ts";

/** Seconds: long enough for every reason to be seen, with five runs on the machine at once. */
const LIMIT = 90;

interface Case {
  /** What Pulumi has to print, beside the name of the pod. */
  readonly printed: RegExp;
  readonly config?: Readonly<Record<string, unknown>>;
  /** What is in the namespace already. */
  readonly objects?: readonly object[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** Edges of one cluster, each with a namespace of its own in which its server cannot become ready. */
const CASES: Readonly<Record<string, Case>> = {
  "wait-image": {
    config: { images: { nats: { tag: "2.15.3-nope" } } },
    printed: /pod nats-0, container nats: (image \S*nats:2\.15\.3-nope cannot be pulled|still pulls image)/,
  },
  "wait-crash": {
    config: { values: { config: { merge: { nonsense: 1 } } } },
    printed: /pod nats-0, container nats: [^\n]*exit code 1, [^\n]*its last log line: [^\n]*unknown field "nonsense"/,
  },
  "wait-quota": {
    objects: [{ kind: "ResourceQuota", metadata: { name: "none" }, spec: { hard: { pods: "0" } } }],
    printed: /StatefulSet nats: [^\n]*"?nats-0"?[^\n]*exceeded quota: none[^\n]*describe resourcequota/,
  },
  "wait-policy": {
    labels: { "pod-security.kubernetes.io/enforce": "restricted" },
    printed:
      /StatefulSet nats: [^\n]*"?nats-0"?[^\n]*violates PodSecurity "restricted[^\n]*kubectl label namespace wait-policy/,
  },
};
const NAMES = Object.keys(CASES);

describe("up says what it waits for", () => {
  let w: World;
  let kubectl: Kubectl;
  /** All that each run printed, by its stack. */
  const texts: Record<string, string> = {};

  before(async () => {
    w = await world();
    kubectl = w.kubectl["edge-2"];
    await w.ensure("primary", { edges: ["edge-1", "edge-2", ...NAMES] });
    await w.ensure("edge-2");
  });

  after(async () => {
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
  });

  interface Node {
    readonly metadata: { readonly name: string };
  }
  const nodes = async () => (await kubectl.json<{ items: Node[] }>(["get", "nodes"])).items;

  /** `pulumi up` of a stack beside the world's own, which must fail; then nothing of it is left. */
  async function failing(name: string, { config, objects = [], labels }: Case): Promise<string> {
    const own = await configOf(w, "edge-2"); // its cluster and its chart
    await kubectl.apply(name, [{ kind: "Namespace", metadata: { name, labels } }, ...objects]);
    if (objects.length > 0) {
      const counted = () => kubectl.run(["get", "-n", name, "resourcequota", "none", "-o", "jsonpath={.status.hard}"]);
      await until("the quota to count", counted, (hard) => hard.includes("pods"));
    }
    await w.workspace.configure(name, { ...own, namespace: name, timeoutSeconds: LIMIT, ...config });
    const run = (args: readonly string[]) =>
      w.workspace.pulumi([...args, "--non-interactive", "-s", name], { reject: false });
    try {
      const { failed, all } = await run(UP);
      w.printed.push(String(all));
      assert.ok(failed, String(all));
      return String(all);
    } finally {
      await run(["destroy", "--yes", "--skip-preview"]);
      await kubectl.run(["delete", "namespace", name, "--wait=false"]);
    }
  }

  // at once, for each takes the whole of its time limit
  it("every run comes to its end, with an error", async () => {
    const runs = Object.entries(CASES).map(async ([name, one]) => {
      texts[name] = await failing(name, one);
    });
    const failures = (await Promise.allSettled(runs)).filter((run) => run.status === "rejected");
    assert.deepEqual(failures, []);
  });

  for (const [name, { printed }] of Object.entries(CASES)) {
    it(`${name}: which pod, why, and what to do`, () => {
      const text = texts[name] ?? assert.fail("there was no run");
      assert.match(text, printed);
      assert.match(text, /warning: Helm release nats is not ready: [^\n]*Fix: /);
    });
  }

  it("nodes that are cordoned: while it waits, and the same run goes on when they are open again", async () => {
    await w.destroy("edge-2");
    await w.configure("edge-2", { replicas: 3, timeoutSeconds: 300 });
    const [node] = await nodes();
    const name = node?.metadata.name ?? assert.fail("no node");
    await kubectl.run(["cordon", name]);
    const run = w.workspace.pulumi([...UP, "--non-interactive", "-s", "edge-2"], { reject: false });
    let text = "";
    run.all?.on("data", (data) => {
      text += String(data);
    });
    const why = /pod nats-0: cannot be scheduled: [^\n]*unschedulable[^\n]*Fix: kubectl get nodes; kubectl uncordon/;
    try {
      await until(
        "the reason",
        async () => text,
        (t) => why.test(t),
        90,
      );
      assert.equal(run.exitCode ?? null, null, "the run still waits");
    } finally {
      await kubectl.run(["uncordon", name]);
    }
    const { failed, all } = await run;
    w.printed.push(String(all));
    assert.ok(!failed, String(all));
    const warnings = String(all).match(/3 servers, but 0 nodes are ready and open to them: [^\n]*/g) ?? [];
    assert.ok(warnings.length > 0, String(all));
    assert.match(warnings[0] ?? "", /ops-nats:replicas.*values\.podTemplate\.topologySpreadConstraints/);
  });

  it("three servers on one node: a warning that names the setting, and none where it was meant", async () => {
    const kept = { values: { podTemplate: { topologySpreadConstraints: null } } };
    for (const [config, warned] of [
      [{ replicas: 3, timeoutSeconds: 301 }, true],
      [{ replicas: 3, timeoutSeconds: 301, ...kept }, false],
    ] as const) {
      await w.configure("edge-2", config);
      const { failed, text } = await w.pulumi("edge-2", ...UP);
      assert.ok(!failed, text);
      assert.equal(/3 servers, but one node is ready/.test(text), warned, text);
    }
    await w.destroy("edge-2");
  });
});
