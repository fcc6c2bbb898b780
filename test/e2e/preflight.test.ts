// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { execa } from "execa";
import { project, stateFolder } from "../../sandbox/cluster/layout.ts";
import { checkBeforeBuild, checkHost, preflight } from "../../sandbox/cluster/preflight.ts";

describe("preflight: a machine that cannot carry the sandbox", function () {
  this.timeout(30_000);
  const facts = { platform: "linux", uid: 0, clusters: 2, folder: stateFolder };
  const says = (what: RegExp) => (error: Error) => what.test(error.message) && /kind/.test(error.message);

  it("says so on another system", () =>
    assert.rejects(checkHost({ ...facts, platform: "darwin" }), says(/needs Linux/)));
  it("says so without root", () => assert.rejects(checkHost({ ...facts, uid: 1000 }), says(/needs root.*sudo/)));
  it("says so in a folder that no list of folders can name", () =>
    assert.rejects(
      checkHost({ ...facts, folder: "/home/me/my project/.sandbox" }),
      says(/needs a folder .*my project/),
    ));
  it("says how much disk is needed and there", () =>
    assert.rejects(checkHost({ ...facts, clusters: 1e6 }), says(/need \d+\.\d GB .* \d+\.\d GB are free/)));

  it("counts the first build of the programs in, wherever it writes", () =>
    assert.rejects(
      checkBeforeBuild(facts, async () => [{ folder: "/var/not/there/yet", bytes: 1e15 }]),
      says(/2 clusters and a first build .* need 100000\d\.\d GB .*\/var\/not\/there\/yet/),
    ));

  /** Runs the checks in a network of its own, after a preparation. */
  const elsewhere = async (preparation: string, check = "preflight") => {
    const script = `import("./sandbox/cluster/preflight.ts").then((m) => m.${check}(m.factsOf(1))).catch((e) => console.log(e.message))`;
    const command = `${preparation}\nexec node --import tsx --input-type=module --eval '${script}'`;
    const { stdout } = await execa("unshare", ["--net", "--mount", "sh", "-ec", command], { cwd: project });
    return stdout;
  };

  const bare =
    'mkdir /tmp/opsnats-path; ln -s "$(command -v node)" "$(command -v sh)" /tmp/opsnats-path; PATH=/tmp/opsnats-path';
  const clean = () => execa("rm", ["-rf", "/tmp/opsnats-path"]);

  it("is silent where all is well", async () => {
    await preflight(facts);
    assert.equal(await elsewhere(""), "");
    assert.equal(await elsewhere("", "checkBeforeBuild"), "");
  });
  it("names who has its addresses", async () => {
    const text = await elsewhere(
      "ip link add other type bridge; ip addr add 10.89.0.9/24 dev other; ip link set other up",
    );
    assert.match(text, /10\.89\.0\.0\/24 are in use: .* on other/);
  });
  it("names who has its addresses before programs are built, without those that are not here yet", async () => {
    const other = "ip link add other type bridge; ip addr add 10.89.0.9/24 dev other; ip link set other up";
    assert.match(await elsewhere(other, "checkBeforeBuild"), /10\.89\.0\.0\/24 are in use: .* on other/);
    assert.equal(await elsewhere(`${other}\n${bare}`, "checkBeforeBuild").finally(clean), "");
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
    const text = await elsewhere(bare).finally(clean);
    assert.match(text, /missing: .*iptables.*apt-get install .*iproute2/);
  });
});
