// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { newPassword } from "../../../components/credentials.ts";
import type { EdgeSettings } from "../../../config/settings.ts";
import type { Cluster, WantedServers } from "../../../kubernetes/port.ts";
import { edgeConf } from "../../../nats/natsConf.ts";
import { preflight } from "../../../preflight/preflight.ts";
import { emptyCluster, ID } from "../../harness/fakeClusters.ts";
import { awaited, mockEngine } from "../../harness/mocks.ts";
import { settingsOf } from "../../harness/programValues.ts";

const LOST = "fedcba9876543210";

describe("the ground of a stack", () => {
  const wanted: WantedServers = {
    ...{ replicas: 1, claim: undefined, fileLimit: undefined, tag: undefined },
    streams: false,
  };
  const check = async (cluster: Cluster, keys: Readonly<Record<string, unknown>> = {}) => {
    const recorder = await mockEngine("edge-1");
    return { recorder, ground: await preflight(cluster, settingsOf("edge-1", keys) as EdgeSettings, wanted) };
  };

  it("is remembered before anything is made: the stack's id, its cluster, and by what the provider knows that", async () => {
    const { recorder, ground } = await check(emptyCluster);
    assert.deepEqual(recorder.list(), ["random:index/randomString:RandomString identity"]);
    const { inputs } = recorder.get("random:index/randomString:RandomString", "identity");
    assert.deepEqual(inputs.keepers, { uid: "uid-of-the-cluster", ca: "ca-of-the-cluster" });
    assert.deepEqual(ground, {
      mark: { id: ID, stack: "organization/ops-nats/edge-1", edge: "edge-1", release: "nats" },
      description: "installed by ops-nats",
      adopted: undefined,
      knownEdges: [],
      clusterIdentifier: "uid-of-the-cluster",
      lastOutputs: undefined,
      running: undefined,
    });
  });

  it("has the accounts of edges that its servers know, listed or not", async () => {
    const include = 'accounts {\n  "EDGE-edge-7" { users: [] }\n  "EDGE-edge-8" {}\n  APP {\n  }\n}\n';
    const { ground } = await check({ ...emptyCluster, secret: async () => ({ "ops-nats.conf": include }) });
    assert.deepEqual(ground.knownEdges, ["edge-7", "edge-8"]);
  });

  it("is known by its CA where the UID may not be read", async () => {
    const { ground } = await check({ ...emptyCluster, identity: async () => ({ ca: "only-a-ca" }) });
    assert.equal(ground.clusterIdentifier, "only-a-ca");
  });

  const naming = {
    names: { edge: "edge-1", accepted: [], publish: [], receive: [] },
    watch: { user: "watch", password: "pw-watch" },
  };
  const logins = { admin: { user: "admin", password: "pw-admin" }, app: { user: "app", password: "pw-app" } };
  const remote = { urls: ["tls://h:1"], seed: "SUseed", ca: "" };
  const left: Cluster = {
    ...emptyCluster,
    owner: async (_, kind) => (kind === "Secret" ? { id: LOST, stack: "organization/ops-nats/edge-1" } : undefined),
    secret: async () => ({ "ops-nats.conf": edgeConf(logins, remote, false, naming), "root-key": "the root key" }),
  };

  it("of a lost state is taken over by its id, with its passwords", async () => {
    const { ground } = await check(left, { adopt: LOST });
    assert.equal(ground.mark.id, LOST);
    assert.deepEqual(ground.adopted, {
      ...{ admin: "pw-admin", app: "pw-app", watch: "pw-watch" },
      _root: "the root key",
    });
  });

  it("of a lost state is not taken over by another id, nor without one: the way is told", async () => {
    await assert.rejects(check(left, { adopt: "0000000000000000" }), {
      message:
        /^ops-nats:adopt: expected the ops-nats\/id of Secret ops-nats-auth .* has fedcba9876543210; came 0{16}; /,
    });
    await assert.rejects(check(left), { message: /config set ops-nats:adopt fedcba9876543210/ });
  });

  it("gives a password of a former state on, and another one a new one", async () => {
    await mockEngine("edge-1");
    assert.equal(await awaited(newPassword("nats-app", {}, "former")), "former");
    assert.equal(await awaited(newPassword("nats-other", {})), "password-of-nats-other");
  });
});
