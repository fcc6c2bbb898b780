// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { execa } from "execa";
import { project } from "../../sandbox/cluster/layout.ts";
import { checkHost, preflight } from "../../sandbox/cluster/preflight.ts";

describe("preflight: a machine that cannot carry the sandbox", function () {
  this.timeout(30_000);
  const facts = { platform: "linux", uid: 0, clusters: 2 };
  const says = (what: RegExp) => (error: Error) => what.test(error.message) && /kind/.test(error.message);

  it("says so on another system", () =>
    assert.rejects(checkHost({ ...facts, platform: "darwin" }), says(/needs Linux/)));
  it("says so without root", () => assert.rejects(checkHost({ ...facts, uid: 1000 }), says(/needs root.*sudo/)));
  it("says how much disk is needed and there", () =>
    assert.rejects(checkHost({ ...facts, clusters: 1e6 }), says(/need \d+\.\d GB .* \d+\.\d GB are free/)));

  /** Runs the checks in a network of its own, after a preparation. */
  const elsewhere = async (preparation: string) => {
    const script =
      'import("./sandbox/cluster/preflight.ts").then((m) => m.preflight(m.factsOf(1))).catch((e) => console.log(e.message))';
    const command = `${preparation}\nexec node --import tsx --input-type=module --eval '${script}'`;
    const { stdout } = await execa("unshare", ["--net", "--mount", "sh", "-ec", command], { cwd: project });
    return stdout;
  };

  it("is silent where all is well", async () => {
    await preflight(facts);
    assert.equal(await elsewhere(""), "");
  });
  it("names who has its addresses", async () => {
    const text = await elsewhere(
      "ip link add other type bridge; ip addr add 10.89.0.9/24 dev other; ip link set other up",
    );
    assert.match(text, /10\.89\.0\.0\/24 are in use: .* on other/);
  });
  it("is content with a VPN that covers its addresses and more", async () => {
    assert.equal(
      await elsewhere("ip link add vpn type bridge; ip link set vpn up; ip route add 10.0.0.0/8 dev vpn"),
      "",
    );
  });
  it("names a kernel feature that is missing", async () => {
    const without =
      "mount -t tmpfs tmpfs /sys/fs/cgroup; mkdir /sys/fs/cgroup/pids; mount -t cgroup2 -o ro none /sys/fs/cgroup/pids";
    assert.match(await elsewhere(without), /does not give it control groups/);
  });
  it("names missing programs and their packages", async () => {
    const text = await elsewhere(
      'mkdir /tmp/opsnats-path; ln -s "$(command -v node)" "$(command -v sh)" /tmp/opsnats-path; PATH=/tmp/opsnats-path',
    ).finally(() => execa("rm", ["-rf", "/tmp/opsnats-path"]));
    assert.match(text, /missing: .*iptables.*apt-get install .*iproute2/);
  });
});
