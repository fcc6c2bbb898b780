// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { parse, stringify } from "yaml";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { podIdentities, UP, type World, world } from "../../harness/clusters/world.ts";

/** All objects of a cluster that a stack could have made, with their versions. */
const KINDS = "secret,configmap,service,deployment,statefulset,serviceaccount,role,rolebinding,lease";

interface ApiServer {
  readonly clusters: [{ cluster: Record<string, string> }];
}

describe("only what is the stack's own, in the right cluster", () => {
  let w: World;
  const chart: Record<string, unknown> = {};
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2", "other-1"] });
    await w.ensure("edge-1");
    const { config } = parse(await readFile(w.workspace.stackFile("edge-1"), "utf8")) as {
      config: Record<string, unknown>;
    };
    if (config["ops-nats:chart"] !== undefined) chart.chart = config["ops-nats:chart"];
  });

  const everything = async () => {
    const { items } = await w.kubectl["edge-1"].json<{
      items: { kind: string; metadata: { name: string; uid: string; resourceVersion: string } }[];
    }>(["get", KINDS]);
    return items
      .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.uid}`)
      .filter((name) => !name.startsWith("ConfigMap kube-root-ca.crt"))
      .sort();
  };
  const run = async (stack: string, ...args: string[]) => {
    const { failed, all } = await w.workspace.pulumi([...args, "--non-interactive", "-s", stack], { reject: false });
    w.printed.push(String(all));
    return { failed: failed === true, text: String(all) };
  };
  const secretOf = async (stack: "edge-1" | "primary") =>
    (await w.kubectl[stack].json<{ data: object }>(["get", "secret", "ops-nats-auth"])).data;

  it("a second stack with the first one's context is refused before its first write, and its destroy touches nothing", async () => {
    const before = [await everything(), await secretOf("edge-1"), await podIdentities(w.kubectl["edge-1"])];
    await w.workspace.configure("other-1", { ...chart, "kubernetes:kubeconfig": layoutOf("edge-1").kubeconfig });
    for (const args of [["preview"], [...UP]]) {
      const { failed, text } = await run("other-1", ...args);
      assert.ok(failed, text);
      assert.match(
        text,
        /namespace ops-system of the cluster \(context edge-1, https:\S+\): expected nothing there, or what organization\/ops-nats\/other-1 has made; came Secret ops-nats-auth, made by organization\/ops-nats\/edge-1;/,
      );
      assert.doesNotMatch(text, /helm uninstall|kubectl delete|adopt/);
    }
    const destroyed = await run("other-1", "destroy", "--yes", "--skip-preview");
    assert.ok(!destroyed.failed, destroyed.text);
    assert.deepEqual([await everything(), await secretOf("edge-1"), await podIdentities(w.kubectl["edge-1"])], before);
    const again = await w.pulumi("edge-1", "preview", "--expect-no-changes");
    assert.ok(!again.failed, again.text);
  });

  it("a second stack in another namespace of the same cluster works, and leaves with what is its own", async () => {
    const before = await everything();
    const kubeconfig = layoutOf("edge-1").kubeconfig;
    await w.workspace.configure("other-1", { ...chart, "kubernetes:kubeconfig": kubeconfig, namespace: "others" });
    const up = await run("other-1", ...UP);
    assert.ok(!up.failed, up.text);
    const destroyed = await run("other-1", "destroy", "--yes", "--skip-preview");
    assert.ok(!destroyed.failed, destroyed.text);
    assert.deepEqual(await everything(), before);
    assert.equal(await w.kubectl["edge-1"].run(["get", "secret,deployment", "-n", "others", "-o", "name"]), "");
    await w.kubectl["edge-1"].run(["delete", "namespace", "others", "--wait=false"]);
  });

  it("no context: the contexts that there are, and the line to type", async () => {
    await w.workspace.configure("other-1", { ...chart });
    const KUBECONFIG = `${layoutOf("primary").kubeconfig}:${layoutOf("edge-1").kubeconfig}`;
    const { failed, all } = await w.workspace.pulumi(["preview", "--non-interactive", "-s", "other-1"], {
      reject: false,
      env: { KUBECONFIG },
    });
    assert.ok(failed);
    assert.match(
      String(all),
      /kubernetes:context: expected a context \(there are primary, edge-1\), .*; came nothing; next: pulumi config set kubernetes:context <context> -s other-1/,
    );
  });

  it("another cluster than that in which the stack is: an error with both ways, and going back changes nothing", async () => {
    await w.configure("edge-1", { "kubernetes:kubeconfig": layoutOf("edge-3").kubeconfig });
    for (const elsewhere of [layoutOf("edge-2").kubeconfig]) {
      await w.configure("edge-1", { "kubernetes:kubeconfig": elsewhere });
      const { failed, text } = await w.pulumi("edge-1", ...UP);
      assert.ok(failed, text);
      assert.match(
        text,
        /cluster \(context edge-2, .*\): expected the one that stack edge-1 is in .*; next: to go back/,
      );
    }
    await w.configure("edge-1");
    const again = await w.pulumi("edge-1", "preview", "--expect-no-changes");
    assert.ok(!again.failed, again.text);
  });

  /** The kubeconfig of a cluster as text, by another address: a forwarder on this machine. */
  async function forwarded(cluster: "edge-1") {
    const { address, kubeconfig } = layoutOf(cluster);
    const forwarder = createServer((socket) => {
      const onward = connect(6443, address);
      const end = () => [socket, onward].map((one) => one.destroy());
      for (const one of [socket, onward]) one.on("error", end).on("close", end);
      socket.pipe(onward).pipe(socket);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => forwarder.once("listening", resolve));
    const config = parse(await readFile(kubeconfig, "utf8")) as ApiServer;
    const entry = config.clusters[0].cluster;
    entry.server = `https://127.0.0.1:${(forwarder.address() as AddressInfo).port}`;
    entry["tls-server-name"] = "kubernetes.default";
    return { text: stringify(config), close: () => forwarder.close() };
  }

  it("a kubeconfig as text whose address changes replaces nothing: the Secret stays, and what is changed is changed there", async () => {
    const own = await readFile(layoutOf("edge-1").kubeconfig, "utf8");
    await w.configure("edge-1", { "kubernetes:kubeconfig": own });
    assert.ok(!(await w.pulumi("edge-1", ...UP)).failed);
    const before = [await everything(), await secretOf("edge-1")];
    const { text, close } = await forwarded("edge-1");
    try {
      await w.configure("edge-1", { "kubernetes:kubeconfig": text });
      const up = await w.pulumi("edge-1", ...UP);
      assert.ok(!up.failed, up.text);
      assert.doesNotMatch(up.text, /replace/);
      assert.deepEqual([await everything(), await secretOf("edge-1")], before);
    } finally {
      close();
    }
    await w.configure("edge-1");
    const back = await w.pulumi("edge-1", ...UP);
    assert.ok(!back.failed && !/replace/.test(back.text), back.text);
  });

  it("a cluster that only a proxy reaches: program and provider go by it, as HTTPS_PROXY says", async () => {
    const asked: string[] = [];
    const proxy = createHttpServer().on("connect", (request, socket) => {
      asked.push(request.url ?? "");
      const [host = "", port] = (request.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      const end = () => [socket, onward].map((one) => one.destroy());
      for (const one of [socket, onward]) one.on("error", end).on("close", end);
    });
    proxy.listen(0, "127.0.0.1");
    await new Promise((resolve) => proxy.once("listening", resolve));
    try {
      const HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const { failed, all } = await w.workspace.pulumi(["preview", "--non-interactive", "-s", "edge-1"], {
        reject: false,
        env: { HTTPS_PROXY, NO_PROXY: "127.0.0.1,localhost", no_proxy: "" },
      });
      assert.ok(!failed, String(all));
      const target = `${layoutOf("edge-1").address}:6443`;
      assert.ok(asked.length >= 2 && asked.every((one) => one === target), String(asked));
    } finally {
      proxy.close();
      proxy.closeAllConnections();
    }
  });

  for (const stack of ["edge-1", "primary"] as const) {
    it(`a lost state: ${stack} is taken over from its cluster's Secret, without a restart and without new passwords`, async () => {
      const config = stack === "primary" ? { edges: ["edge-1", "edge-2", "other-1"] } : {};
      await w.configure(stack, config);
      const before = [await secretOf(stack), await podIdentities(w.kubectl[stack])];
      await w.workspace.pulumi(["stack", "rm", stack, "--force", "--yes", "--preserve-config"]);
      await w.workspace.pulumi(["stack", "init", stack], { reject: false });
      const refused = await w.pulumi(stack, ...UP);
      assert.ok(refused.failed, refused.text);
      const [line, id] =
        /where the state of this stack was lost: pulumi config set ops-nats:adopt ([a-z0-9]{16}) -s \S+/.exec(
          refused.text,
        ) ?? assert.fail(refused.text);
      assert.ok(line.endsWith(`-s ${stack}`));
      await w.configure(stack, { ...config, adopt: id });
      const up = await w.pulumi(stack, ...UP);
      assert.ok(!up.failed, up.text);
      assert.deepEqual([await secretOf(stack), await podIdentities(w.kubectl[stack])], before);
      await w.configure(stack, config);
      const again = await w.pulumi(stack, "preview", "--expect-no-changes");
      assert.ok(!again.failed, again.text);
      const exported = (await w.pulumi(stack, "stack", "export")).text;
      for (const text of Object.values((await secretOf(stack)) as Record<string, string>)) {
        const plain = Buffer.from(text, "base64").toString();
        if (plain.length === 32) assert.ok(!exported.includes(plain), "a password in clear text");
      }
      await w.configure(stack, config);
    });
  }

  it("a renamed stack stays the same edge, by ops-nats:edge: same passwords, no pod is another", async () => {
    await w.configure("edge-1", { edge: "edge-1" });
    assert.ok(!(await w.pulumi("edge-1", ...UP)).failed);
    const before = [await secretOf("edge-1"), await podIdentities(w.kubectl["edge-1"])];
    await w.workspace.pulumi(["stack", "rename", "organization/ops-nats/edge-eu", "-s", "edge-1"]);
    try {
      const up = await run("edge-eu", ...UP);
      assert.ok(!up.failed, up.text);
      assert.deepEqual([await secretOf("edge-1"), await podIdentities(w.kubectl["edge-1"])], before);
    } finally {
      await w.workspace.pulumi(["stack", "rename", "organization/ops-nats/edge-1", "-s", "edge-eu"]);
    }
    await w.ensure("edge-1");
    assert.deepEqual([await secretOf("edge-1"), await podIdentities(w.kubectl["edge-1"])], before);
  });

  it("a reload that a server rejects fails that up, in the server's own words", async () => {
    const edge = w.kubectl["edge-1"];
    await w.ensure("edge-1");
    const { data } = await edge.json<{ data: Record<string, string> }>(["get", "configmap", "nats-config"]);
    const conf = (text: string) =>
      edge.run(["patch", "configmap", "nats-config", "-p", JSON.stringify({ data: { "nats.conf": text } })]);
    const own = data["nats.conf"] ?? "";
    // by somebody's hand: a setting that servers do not take by a reload
    const other = own.replace(/"port": 4222\b/, '"port": 4333');
    assert.notEqual(other, own);
    await conf(other);
    try {
      await w.configure("edge-1", { acceptClusterNames: ["another"] });
      const { failed, text } = await w.pulumi("edge-1", ...UP);
      assert.ok(failed, text);
      assert.match(
        text,
        /server nats-0 in namespace ops-system: .*; came by its log: config reload not supported for Port.*; it goes on with/,
      );
    } finally {
      await conf(own);
    }
    await w.configure("edge-1");
    await edge.run(["rollout", "restart", "statefulset/nats"]);
    await edge.run(["rollout", "status", "statefulset/nats", "--timeout=90s"]);
    const back = await w.pulumi("edge-1", ...UP);
    assert.ok(!back.failed, back.text);
  });
});
