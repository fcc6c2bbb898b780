// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Status } from "../../../controller/status.ts";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { until } from "../../../sandbox/kubectl.ts";
import { cut, keptAt, reachable, signal, siteOf } from "../../harness/clusters/clusterSite.ts";
import { dismissed, granted, operator, RULES } from "../../harness/clusters/rights.ts";
import { commandsOf, Stored, steps, switchedAtEdge, toNamespace } from "../../harness/clusters/stored.ts";
import {
  blockOf,
  nothingLeft,
  podIdentities,
  type Stack,
  UP,
  type World,
  world,
} from "../../harness/clusters/world.ts";

describe("persistence", () => {
  let w: World;
  let s: Stored;
  before(async () => {
    w = await world();
    s = await Stored.in(w);
    await w.ensure("primary");
    await w.ensure("edge-1", reachable);
  });

  const secretVersion = async (stack: Stack) =>
    (await w.kubectl[stack].json<{ metadata: { resourceVersion: string } }>(["get", "secret", "ops-nats-auth"]))
      .metadata.resourceVersion;

  async function refused(stack: Stack, expected: RegExp): Promise<void> {
    const [pods, secret] = [await podIdentities(w.kubectl[stack]), await secretVersion(stack)];
    const { failed, text } = await w.pulumi(stack, ...UP);
    assert.ok(failed, text);
    assert.match(text, expected);
    assert.match(text, /next: kubectl -n ops-system delete statefulset nats --cascade=foreground/);
    assert.deepEqual(await podIdentities(w.kubectl[stack]), pods);
    assert.equal(await secretVersion(stack), secret);
  }
  const on = /persistence: expected no claim for each server, as they run with; came a claim of [12]Gi/;

  it("switched on for servers that run is refused with the way to do it, and nothing is changed", async () => {
    await w.configure("primary", { persistence: s.persistence });
    await refused("primary", on);
  });

  it("is switched on by the README's steps, at the primary and then at the edge", async () => {
    await w.shell("primary", await steps(/enabled' true -s primary/));
    await refused("edge-1", on);
    const script = await switchedAtEdge();
    await s.whole("persistence switched on", () => w.shell("edge-1", script));
    for (const [stack, servers] of [["primary", 3] as const, ["edge-1", 1] as const]) {
      assert.deepEqual(
        (await s.claims(stack)).map(({ name, phase, size, storageClass }) => [name, phase, size, storageClass]),
        Array.from({ length: servers }, (_, i) => [`nats-js-nats-${i}`, "Bound", "2Gi", s.persistence.storageClass]),
      );
      assert.match(await w.kubectl[stack].run(["get", "deployment", "nats-controller"]), /nats-controller +1\/1/);
    }
    await s.whole("after persistence was switched on");
  });

  it("has its servers watched for what they drop", async () => {
    const watched = w.storing();
    for (const [stack, servers] of [["primary", 3] as const, ["edge-1", 1] as const]) {
      const pods = Object.entries(await podIdentities(w.kubectl[stack]));
      assert.equal(pods.length, servers);
      for (const [pod, identity] of pods) {
        assert.ok(watched.includes(`${stack} ${pod} ${identity.split(" ")[0]}`), `${pod} of ${stack}: ${watched}`);
      }
    }
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
    await s.whole("cut, and the list changed twice", async () => {
      const mend = await cut("edge-1", "dropped");
      await w.ensure("primary", { persistence: s.persistence, edges: ["edge-1", "edge-2"] });
      await mend();
      await pause(3000);
      await w.ensure("primary", { persistence: s.persistence });
    });
  });

  it("loses, doubles and reorders nothing when servers end: one by one, all at once, an edge's", async () => {
    const rolled = ["rollout", "status", "statefulset", "nats", "--timeout=300s"];
    await s.whole("the primary's servers restarted one by one", async () => {
      await w.kubectl.primary.run(["rollout", "restart", "statefulset", "nats"]);
      await w.kubectl.primary.run(rolled, { timeout: 310_000 });
    });
    await s.whole("the primary's servers killed", async () => {
      await Promise.all(["nats-0", "nats-1", "nats-2"].map((pod) => signal(w, "primary", pod, "KILL")));
      await pause(8000);
    });
    await s.whole("an edge's pod deleted", async () => {
      await w.kubectl["edge-1"].run(["delete", "pod", "nats-0"]);
      await w.kubectl["edge-1"].run(rolled, { timeout: 310_000 });
    });
  });

  it("has an edge follow what is set at the primary with its own up", async () => {
    const day = 86_400e9;
    const { age } = await s.stream("edge-1");
    assert.equal(age, 7 * day);
    await w.ensure("primary", { persistence: { ...s.persistence, maxAge: "2d" } });
    assert.deepEqual([(await s.stream("primary")).age, (await s.stream("edge-1")).age], [2 * day, age]);
    const up = async () => {
      const { failed, text } = await w.pulumi("edge-1", ...UP);
      assert.ok(!failed, text);
      return (await s.stream("edge-1")).age;
    };
    assert.equal(await up(), 2 * day);
    await w.ensure("primary", { persistence: s.persistence });
    assert.equal(await up(), age);
  });

  it("has a controller in each cluster that tells of streams, links and metrics, and has no right but to its Lease", async () => {
    const block = await blockOf("The controller");
    for (const [stack, links, names] of [
      ["primary", /^edge-1\.nats-0$/, ["own-nats-0", "own-nats-1", "own-nats-2", "ops", "in"]],
      ["edge-1", /^primary\.nats-[012]$/, ["ops"]],
    ] as const) {
      const kubectl = w.kubectl[stack];
      const page = async (path: string) => kubectl.run(["get", "--raw", `${await podOf(stack)}:8080/proxy${path}`]);
      const told = await until(
        `links of ${stack}`,
        async () => JSON.parse(await w.shell(stack, block)) as Status,
        (found) => found.links.length > 0,
        90,
      );
      assert.deepEqual([told.planned, told.problems], [true, []]);
      for (const { name } of told.links) assert.match(name, links);
      for (const name of names)
        assert.ok(
          told.streams.some((one) => one.name === name && Number(one.messages) >= 0),
          name,
        );
      assert.deepEqual(
        told.edges.map(({ name, linked }) => [name, linked]),
        stack === "primary" ? [["edge-1", true]] : [],
      );
      assert.match(await page("/metrics"), /^ops_nats_ready 1$/m);
      const may = ["auth", "can-i", "--list", "--as=system:serviceaccount:ops-system:nats-controller"];
      const rights = (await kubectl.run(may)).split("\n").filter((line) => /^\S+\.\S+ |^\w+ /.test(line));
      const own = rights.filter((line) => !/^(selfsubject|Resources)/.test(line));
      assert.equal(own.length, 1, own.join("\n"));
      assert.match(own[0] ?? "", /^leases\.coordination\.k8s\.io +\[\] +\[nats-controller\] +\[get update\]/);
    }
  });

  const podOf = async (stack: Stack) => {
    const query = ["get", "pod", "-l", "app.kubernetes.io/name=nats-controller", "-o", "name"];
    return `/api/v1/namespaces/ops-system/pods/${(await w.kubectl[stack].run(query)).replace("pod/", "")}`;
  };

  it("can be given all that its controller needs by who has rights in the one namespace, Leases among them", async () => {
    const { primary } = w.kubectl;
    const file = join(await mkdtemp(join(tmpdir(), "ops-nats-operator-")), "kubeconfig");
    await writeFile(file, await operator(primary, layoutOf("primary").kubeconfig));
    const own = primary.as(file);
    const kinds = ["serviceaccount", "lease", "role", "rolebinding"];
    const made = await Promise.all(
      kinds.map((kind) => primary.json<{ metadata: object; spec?: object }>(["get", kind, "nats-controller"])),
    );
    const again = made.map(({ spec: _, ...one }) => ({ ...one, metadata: { name: "nats-controller-again" } }));
    const apply = () =>
      own.run(["apply", "--server-side", "--dry-run=server", "-f", "-"], {
        input: again.map((one) => JSON.stringify(one)).join("\n---\n"),
      });
    assert.equal((await apply()).split("\n").length, kinds.length);
    await granted(
      primary,
      RULES.filter(({ resources }) => !resources.includes("leases")),
    );
    await assert.rejects(apply(), /roles?.* is forbidden|attempting to grant RBAC permissions not currently held/);
    await dismissed(primary);
    await rm(dirname(file), { recursive: true });
  });

  it("has one of two controllers act, and the other when that is gone", async () => {
    const { primary } = w.kubectl;
    const holder = async () =>
      (await primary.run(["get", "lease", "nats-controller", "-o", "jsonpath={.spec.holderIdentity}"])).trim();
    const pods = async () =>
      (await primary.run(["get", "pod", "-l", "app.kubernetes.io/name=nats-controller", "-o", "name"])).split("\n");
    const first = await holder();
    assert.deepEqual(await pods(), [`pod/${first}`]);
    await primary.run(["scale", "deployment", "nats-controller", "--replicas=2"]);
    try {
      const second = await until(
        "a second pod that looks",
        async () => {
          const other = (await pods()).find((name) => name !== `pod/${first}`);
          return other !== undefined && (await primary.run(["logs", other])).includes("keeping") ? other : "";
        },
        (name) => name !== "",
        90,
      );
      await pause(3000);
      assert.doesNotMatch(await primary.run(["logs", second]), /made|changed|as planned/);
      assert.equal(await holder(), first);
      await primary.run(["delete", "pod", first, "--wait=false"]);
      await until("the other to act", holder, (name) => name !== "" && name !== first, 60);
    } finally {
      await primary.run(["scale", "deployment", "nats-controller", "--replicas=1"]);
      await primary.run(["rollout", "status", "deployment", "nats-controller", "--timeout=120s"], { timeout: 130_000 });
    }
    await until("one pod", pods, (found) => found.length === 1, 60);
  });

  it("has one connection between two servers of the primary, so that no answer overtakes another (decision 12)", async () => {
    const names = ["primary.nats-0", "primary.nats-1", "primary.nats-2"];
    for (const [i, name] of names.entries()) {
      type Page = { routes?: { remote_name: string }[] };
      const to = ({ routes = [] }: Page) => `${routes.map(({ remote_name }) => remote_name).sort()}`;
      const page = () => w.kubectl.primary.monitor<Page>(`nats-${i}`, "/routez");
      const others = `${names.filter((other) => other !== name)}`;
      await until(`routes of ${name}`, page, (found) => to(found) === others);
    }
  });

  it("has an edge that opts out heard live and found in ops, beside one that stores", async () => {
    const edges = ["edge-1", { name: "edge-2", persistence: false }];
    await w.ensure("primary", { persistence: s.persistence, edges });
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
      await s.ask("query", `ops.clusters.*.${tag}`, 2),
      subjects.map((subject) => `${subject} ${tag}`).sort(),
    );
    const names = await s.ask("subjects", undefined, 2);
    for (const subject of subjects) assert.ok(names.includes(subject), names.join());
  });

  it("is given up and taken up again by an edge that runs, by the README's steps; what was there stays, once", async () => {
    const kept = await s.said(20);
    assert.equal(await s.found(kept, 20), 20);
    const claims = await s.claims("edge-1");
    const out = [{ name: "edge-1", persistence: false }];
    await w.ensure("primary", { persistence: s.persistence, edges: out });
    const held = await s.said(20); // the edge stores still, and nobody fetches
    await refused("edge-1", /persistence: expected a claim of 2Gi .* as they run with; came no claim/);
    await w.shell("edge-1", await switchedAtEdge());
    assert.deepEqual(await s.claims("edge-1"), claims);
    assert.deepEqual(await keptAt(w, "edge-1"), []);
    const live = await s.said(20);
    assert.equal(await s.found(live, 20), 20);
    await w.ensure("primary", { persistence: s.persistence, edges: ["edge-1"] });
    await refused("edge-1", on);
    await w.shell("edge-1", await switchedAtEdge());
    assert.deepEqual(await s.claims("edge-1"), claims);
    await s.whole("after an edge took persistence up again");
    for (const tag of [kept, held, live]) assert.equal(await s.found(tag, 20), 20);
  });

  /** What `up` of edge-1 says where its servers are in the one namespace and are to be in the other; nothing is changed by it. */
  async function elsewhere(from: string, to: string): Promise<string> {
    const namespaces = () => w.kubectl["edge-1"].run(["get", "namespace,secret", "-A", "-o", "name"]);
    const [pods, before] = [await podIdentities(w.kubectl["edge-1"]), await namespaces()];
    await w.configure("edge-1", { ...reachable, namespace: to });
    const { failed, text } = await w.pulumi("edge-1", ...UP);
    assert.ok(failed, text);
    const set = `pulumi config set ops-nats:namespace ${from} -s edge-1`;
    assert.match(
      text,
      new RegExp(`namespace: expected ${from}, .*nats-js-nats-0 of 2Gi\\); came ${to}, .*next: ${set}`),
    );
    assert.deepEqual(await podIdentities(w.kubectl["edge-1"]), pods);
    assert.equal(await namespaces(), before);
    return text;
  }

  it("is not left behind in the namespace: another one is refused before anything is changed", async () => {
    const pods = await podIdentities(w.kubectl["edge-1"]);
    await elsewhere("ops-system", "events");
    await w.ensure("edge-1", reachable);
    assert.deepEqual(await podIdentities(w.kubectl["edge-1"]), pods);
  });

  it("is not replicated once more under another edge name: that is refused before anything is changed", async () => {
    const pods = await podIdentities(w.kubectl["edge-1"]);
    const edges = ["edge-1", "edge-other"];
    await w.ensure("primary", { persistence: s.persistence, edges });
    await w.configure("edge-1", { ...reachable, edge: "edge-other" });
    const { failed, text } = await w.pulumi("edge-1", ...UP);
    assert.ok(failed, text);
    assert.match(
      text,
      /ops-nats:edge: expected edge-1, as which .*replicated once more .*; came edge-other; nothing was changed; next: pulumi config set ops-nats:edge edge-1 -s edge-1/,
    );
    assert.deepEqual(await podIdentities(w.kubectl["edge-1"]), pods);
    await w.ensure("edge-1", reachable);
    await w.ensure("primary", { persistence: s.persistence, edges: ["edge-1"] });
  });

  it("begins anew in another namespace by the README's steps, and back, whatever a stack of the same name has left elsewhere", async () => {
    const edge = w.kubectl["edge-1"];
    const away = await toNamespace("edge-1", "ops-system", "events");
    const text = await elsewhere("ops-system", "events");
    assert.ok(text.includes(`, ${commandsOf(away).join(", then ")}; docs/operations/changing-persistence.md`), text);
    assert.match(await w.shell("edge-1", await steps(/ack_floor/)), /true\n?$/);
    await w.shell("edge-1", away);
    assert.equal(await edge.run(["get", "pvc", "-o", "name"]), "");
    await s.whole("in another namespace");
    // as a stack of the same name, of another state, would have left it
    const value = (object: string, path: string) =>
      edge.run(["get", object, "-n", "events", "-o", `jsonpath={.metadata.${path}}`]);
    const stack = await value("secret/ops-nats-auth", "annotations['ops-nats/stack']");
    const annotations = { "ops-nats/stack": stack, "ops-nats/id": "fedcba9876543210" };
    const labels = JSON.parse(await value("pvc/nats-js-nats-0", "labels")) as object;
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } } };
    await edge.apply("others", [
      { kind: "Namespace", metadata: { name: "others" } },
      { kind: "Secret", metadata: { name: "ops-nats-auth", annotations } },
      { kind: "PersistentVolumeClaim", metadata: { name: "nats-js-nats-0", labels }, spec },
    ]);
    await w.shell("edge-1", await toNamespace("edge-1", "events", "ops-system"));
    assert.equal((await s.claims("edge-1")).length, 1);
    assert.equal(await edge.run(["get", "pvc", "-n", "others", "-o", "name"]), "persistentvolumeclaim/nats-js-nats-0");
    await s.whole("back in the namespace");
    await edge.run(["delete", "namespace", "events", "others"]);
    await w.ensure("edge-1", reachable);
  });

  it("shows no password of the controller in clear text", async () => {
    const { data } = await w.kubectl.primary.json<{ data: Record<string, string> }>(["get", "secret", "ops-nats-auth"]);
    const password = Buffer.from(data["controller-password"] ?? "", "base64").toString();
    assert.equal(password.length, 32);
    const objects = await w.kubectl.primary.run(["get", "configmap,statefulset,deployment,pod,event", "-o", "yaml"]);
    const logs = await w.kubectl.primary.run(["logs", "deployment/nats-controller"]);
    const state = (await w.pulumi("primary", "stack", "export")).text;
    for (const text of [objects, logs, state, w.printed.join("\n")]) {
      assert.ok(text.length > 50);
      assert.ok(!text.includes(password));
    }
  });

  it("keeps streams when a stack is destroyed, and the next up goes on with them", async () => {
    const before = await s.ask("subjects", undefined, 1);
    assert.ok(before.length > 2);
    await w.destroy("primary");
    assert.equal((await w.kubectl.primary.run(["get", "pvc", "-o", "name"])).split("\n").length, 3);
    // with less room, new servers would not take up the streams that are there
    await w.configure("primary", { persistence: { ...s.persistence, size: "1Gi" } });
    const { failed, text } = await w.pulumi("primary", ...UP);
    assert.ok(failed, text);
    assert.match(
      text,
      /persistence.size: expected 2Gi or more, for servers that are to take the claims that are there/,
    );
    assert.equal(await w.kubectl.primary.run(["get", "statefulset", "-o", "name"]), "");
    assert.equal(await w.kubectl.primary.run(["get", "secret", "ops-nats-auth", "--ignore-not-found"]), "");
    await w.ensure("primary", { persistence: s.persistence, edges: ["edge-1"] });
    assert.deepEqual(await s.ask("subjects", undefined, before.length), before);
    await w.configure("edge-1", reachable); // its login is another now
    await w.ensure("edge-1", reachable);
    await s.whole("after destroy");
  });

  it("and the README's commands remove what destroy leaves", () => nothingLeft(w));
});
