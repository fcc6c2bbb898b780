// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { type DaemonName, findDaemon } from "../../sandbox/cluster/daemon.ts";
import { type Inventory, inventory } from "../../sandbox/cluster/inventory.ts";
import { layoutOf, project, runFolder, stateFolder } from "../../sandbox/cluster/layout.ts";
import { clusterStatus, downClusters, upClusters } from "../../sandbox/cluster/sandbox.ts";
import { until } from "../../sandbox/cluster/wait.ts";
import { type Toolchain, toolchain } from "../../sandbox/toolchain/toolchain.ts";
import { deployShop, kubectl } from "../harness/clusters/shop.ts";

// Leaves the machine as it was, whatever happens between. Takes the project's sandbox down, if there is one.
describe("sandbox", function () {
  this.timeout(180_000);
  const primary = layoutOf("primary");
  let tools: Toolchain;
  let clean: Inventory;

  before(async () => {
    tools = await toolchain();
    await downClusters();
    clean = await inventory();
  });
  after(() => downClusters());

  describe("two clusters", () => {
    before(async () => {
      await upClusters({ edges: 1, toolchain: tools });
      await Promise.all([deployShop(tools, "primary"), deployShop(tools, "edge-1")]);
    });

    it("is seen by the inventory, or the tests below would prove nothing", async () => {
      const now = await inventory();
      for (const kind of ["processes", "mounts", "namespaces", "links", "firewall", "cgroups", "folders"] as const) {
        assert.ok(now[kind].length > clean[kind].length, kind);
      }
      assert.deepEqual(now.settings, clean.settings);
    });

    it("is up at once when it is up, and grows by an edge", async () => {
      const before = await findDaemon(primary, "kube-apiserver");
      await upClusters({ edges: 2, toolchain: tools });
      assert.deepEqual(await findDaemon(primary, "kube-apiserver"), before);
      assert.deepEqual(
        (await clusterStatus()).map(({ name, node }) => `${name} ${node}`),
        ["primary ready", "edge-1 ready", "edge-2 ready"],
      );
    });

    it("is not touched by another project, which is told whose it is", async () => {
      const other = await mkdtemp(join(tmpdir(), "opsnats-other-"));
      const owner = join(runFolder, "owner");
      try {
        await symlink(stateFolder, join(other, ".sandbox"));
        await writeFile(owner, other);
        const belongs = new RegExp(`belongs to ${other}.*cd ${other} && npm run sandbox -- down`);
        await assert.rejects(upClusters({ edges: 0, toolchain: tools }), belongs);
        await assert.rejects(downClusters(), belongs);
        assert.equal(await readFile(owner, "utf8"), other);
      } finally {
        await writeFile(owner, project);
        await rm(other, { recursive: true });
      }
    });

    it("leaves nothing after down, and down once more is fine", async () => {
      await downClusters();
      assert.deepEqual(await inventory(), clean);
      await downClusters();
      assert.deepEqual(await inventory(), clean);
    });
  });

  for (const name of ["containerd", "kubelet", "etcd"] as const satisfies readonly DaemonName[]) {
    describe(`kill -9 of ${name}`, () => {
      before(async () => {
        await upClusters({ edges: 0, toolchain: tools });
        await deployShop(tools, "primary");
        const found = await findDaemon(primary, name);
        assert.ok(found);
        process.kill(found.pid, "SIGKILL");
        await until(`the end of ${name}`, async () => ((await findDaemon(primary, name)) ? undefined : true));
      });

      it("shows in the status", async () => {
        assert.equal((await clusterStatus())[0]?.node, `without ${name}`);
      });

      it("leaves nothing after down", async () => {
        await downClusters();
        assert.deepEqual(await inventory(), clean);
      });
    });
  }

  it("leaves nothing after down when its state was deleted under it", async () => {
    await upClusters({ edges: 0, toolchain: tools });
    await rm(primary.folder, { recursive: true, force: true }).catch(() => {});
    await downClusters();
    assert.deepEqual(await inventory(), clean);
  });

  it("up replaces a daemon that was killed, and the pods stay", async () => {
    await upClusters({ edges: 0, toolchain: tools });
    await deployShop(tools, "primary");
    const started = await kubectl(tools, "primary", [
      "get",
      "pod",
      "shop",
      "--output=jsonpath={.status.containerStatuses[0].state}",
    ]);
    process.kill((await findDaemon(primary, "containerd"))?.pid ?? 0, "SIGKILL");
    await until("the end of containerd", async () => ((await findDaemon(primary, "containerd")) ? undefined : true));
    await upClusters({ edges: 0, toolchain: tools });
    assert.equal((await clusterStatus())[0]?.node, "ready");
    assert.equal(await kubectl(tools, "primary", ["exec", "shop", "--", "cat", "/goods/index.html"]), "apples");
    assert.equal(
      await kubectl(tools, "primary", ["get", "pod", "shop", "--output=jsonpath={.status.containerStatuses[0].state}"]),
      started,
    );
    await downClusters();
  });

  describe("kill -9 of up half-way", () => {
    // At the first trace of a network, of the machine, of a daemon.
    for (const trace of [
      "/run/netns/opsnats-primary",
      join(primary.run, "machine.pid"),
      join(primary.run, "containerd.pid"),
    ]) {
      const broken = async () => {
        const up = execa("node", ["--import", "tsx", "sandbox/cli.ts", "up", "--edges", "0"], {
          cwd: project,
          reject: false,
        });
        await until(trace, async () => existsSync(trace) || undefined);
        up.kill("SIGKILL");
        await up;
        assert.notDeepEqual(await inventory(), clean);
      };

      it(`leaves nothing after down (${trace})`, async () => {
        await broken();
        await downClusters();
        assert.deepEqual(await inventory(), clean);
      });

      it(`is cleared by the next up (${trace})`, async () => {
        await broken();
        await upClusters({ edges: 0, toolchain: tools });
        assert.equal((await clusterStatus())[0]?.node, "ready");
        await downClusters();
        assert.deepEqual(await inventory(), clean);
      });
    }
  });
});
