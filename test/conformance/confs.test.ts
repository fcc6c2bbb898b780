// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Values } from "../../nats/chartValues.ts";
import { type Deployed, deployEdge, deployPrimary } from "../harness/processes/deployed.ts";
import { podPorts, StatefulSet } from "../harness/processes/statefulSet.ts";
import { DEFAULT_VERSION, onEachVersion, serverProgram, VERSIONS } from "../harness/processes/versions.ts";

describe("the versions that are tried", () => {
  it("have the default among them", () => assert.ok(VERSIONS.includes(DEFAULT_VERSION), `${VERSIONS}`));
});

onEachVersion("configuration files", (version) => {
  let folder = "";
  let program = "";
  const images = { nats: { tag: `${version}-alpine` } };
  const primary = (keys: Values) => deployPrimary({ hosts: ["203.0.113.10"], images, ...keys });

  before("find nats-server", async function () {
    this.timeout(0); // the first run builds it
    program = await serverProgram(version);
    folder = await mkdtemp(join(tmpdir(), "ops-nats-conformance-"));
  });
  after("remove files", () => rm(folder, { recursive: true, force: true }));

  async function complaints(deployed: Deployed, replicas: number, edit?: (conf: string) => string) {
    const set = new StatefulSet(program, "try", join(folder, "try"), await podPorts(replicas));
    await set.write(deployed, edit);
    const all = await Promise.all(set.servers.map((server) => server.complaint()));
    return all.filter((text) => text !== undefined);
  }

  const wide = { name: "edge-2", publish: ["audit.>", "x.*.y"], receive: ["commands.>", "ops.clusters.primary.>"] };
  const everyKey = { edges: ["edge-1", wide, "0e1"], hosts: ["2001:db8::1", "nats.example.org"] };
  const primaries: Record<string, Values> = {
    "without edges": {},
    "of one server": { edges: ["edge-1"], replicas: 1 },
    "with edges of all kinds and two hosts": everyKey,
    "without a client port": { ...everyKey, clientPort: 0 },
    "with values of the user": { ...everyKey, values: { config: { merge: { max_payload: 2_000_000 } } } },
  };
  const stores = version === DEFAULT_VERSION;
  if (stores) {
    const persistence = { enabled: true, size: "1Gi", storageClass: "fast" };
    primaries["with persistence"] = { ...everyKey, persistence };
    for (const size of ["10Gi", "1024000Ki", "1500M", "1Ti", "2T", "3G", "1000000k"])
      primaries[`with claims of ${size}`] = { persistence: { enabled: true, size }, replicas: 1 };
  }
  for (const [name, keys] of Object.entries(primaries)) {
    it(`of a primary ${name} are taken`, async () => {
      assert.deepEqual(await complaints(await primary(keys), (keys.replicas as number | undefined) ?? 3), []);
    });
  }

  for (const replicas of [1, 3]) {
    it(`of an edge of ${replicas} are taken`, async () => {
      const remote = (await primary(everyKey)).link("edge-2");
      assert.deepEqual(await complaints(await deployEdge("edge-2", remote, { images, replicas }), replicas), []);
    });
  }

  // what NATS would read as a number, a date that is wrong, or an amount
  for (const name of ["1", "42", "2024", "10-eu", "5g1", "1e3", "00"]) {
    it(`of an edge called ${name} are taken`, async () => {
      const remote = (await primary({ edges: [name], persistence: { enabled: stores, size: "1Gi" } })).link(name);
      for (const replicas of [1, 3]) {
        assert.deepEqual(await complaints(await deployEdge(name, remote, { images, replicas }), replicas), []);
      }
    });
  }

  it("with a fault in them are not taken, as a control", async () => {
    const found = await complaints(await primary({ replicas: 1 }), 1, (conf) => `${conf}\nno_such_key: 1\n`);
    assert.match(found.join(), /no_such_key/);
  });
});
