// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { get } from "node:https";
import { connect as dial } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { layoutOf } from "../../sandbox/cluster/layout.ts";
import { clusterStatus, downClusters, upClusters } from "../../sandbox/cluster/sandbox.ts";
import { type Toolchain, toolchain } from "../../sandbox/toolchain/toolchain.ts";
import { deployShop, kubectl } from "../harness/clusters/shop.ts";

// Takes the project's sandbox down, if there is one.
describe("clusters: what a workload and its owner find", function () {
  this.timeout(180_000);
  const primary = layoutOf("primary");
  let tools: Toolchain;

  before(async () => {
    tools = await toolchain();
    await downClusters();
    await upClusters({ edges: 1, toolchain: tools });
    await Promise.all([deployShop(tools, "primary"), deployShop(tools, "edge-1")]);
  });
  after(() => downClusters());

  it("says where each cluster is and what it takes", async () => {
    const [first, second, ...others] = await clusterStatus();
    assert.deepEqual(others, []);
    for (const [status, name] of [
      [first, "primary"],
      [second, "edge-1"],
    ] as const) {
      const { address, kubeconfig, logs } = layoutOf(name);
      assert.deepEqual({ ...status, memory: 0 }, { name, node: "ready", address, kubeconfig, memory: 0, logs });
      assert.ok((status?.memory ?? 0) > 200e6 && (status?.memory ?? 0) < 1200e6, `${status?.memory} bytes`);
      assert.ok(existsSync(join(logs, "kubelet.log")));
    }
  });

  it("binds a claim by default, below the cluster's own folder", async () => {
    const volume = await kubectl(tools, "primary", ["get", "pvc", "goods", "--output=jsonpath={.spec.volumeName}"]);
    const path = await kubectl(tools, "primary", ["get", "pv", volume, "--output=jsonpath={.spec.hostPath.path}"]);
    assert.ok(existsSync(join(primary.folder, "volumes", path.split("/").at(-1) ?? "", "index.html")));
  });

  it("gives logs, exec and port-forward", async () => {
    assert.equal(await kubectl(tools, "primary", ["logs", "shop"]), "open");
    assert.equal(await kubectl(tools, "primary", ["exec", "shop", "--", "cat", "/goods/index.html"]), "apples");
    const forward = execa(tools.program("kubectl"), [
      "--kubeconfig",
      primary.kubeconfig,
      "port-forward",
      "pod/shop",
      ":8080",
    ]);
    try {
      const line = String((await once(forward.stdout, "data"))[0]);
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
      assert.match(await page("127.0.0.1", port), /apples\n$/);
    } finally {
      forward.kill("SIGKILL");
      await forward.catch(() => {});
    }
  });

  it("is reached at its NodePorts from the host, from another cluster and by name from within", async () => {
    assert.match(await page(primary.address, 30080), /apples\n$/);
    const urls = [`http://${primary.address}:30080`, `http://${layoutOf("edge-1").address}:30080`, "http://shop-front"];
    for (const url of urls)
      assert.equal(
        await kubectl(tools, "edge-1", ["exec", "shop", "--", "timeout", "5", "wget", "-q", "-O", "-", url]),
        "apples",
      );
  });

  it("asks who is there: no anonymous access, nor with another cluster's certificate", async () => {
    const url = ["--server", `https://${primary.address}:6443`, "--insecure-skip-tls-verify"];
    await assert.rejects(kubectl(tools, "edge-1", [...url, "get", "pods"]), /provide credentials|Unauthorized/);
    assert.equal(await anonymousStatus(primary.address, 6443, "/api/v1/pods"), 403);
    assert.equal(await anonymousStatus(primary.address, 10250, "/pods"), 401);
  });
});

function anonymousStatus(host: string, port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host, port, path, rejectUnauthorized: false, agent: false };
    get(options, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
  });
}

/** A plain HTTP request, answer as it comes. */
async function page(host: string, port: number): Promise<string> {
  const socket = dial({ host, port, timeout: 5000 });
  socket.on("timeout", () => socket.destroy(new Error(`${host}:${port}: no answer`)));
  socket.write("GET / HTTP/1.0\r\n\r\n");
  return text(socket);
}
