// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { clusterClient } from "../../../kubernetes/client.ts";

/** What the API server answers, by path; anything else is not found, `forbidden` is 403. */
type Answers = Readonly<Record<string, object | "forbidden">>;

describe("what is read of a cluster", () => {
  let answers: Answers = {};
  const server = createServer((request, response) => {
    const answer = answers[(request.url ?? "").split("?")[0] ?? ""];
    const status = answer === undefined ? 404 : answer === "forbidden" ? 403 : 200;
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(JSON.stringify(status === 200 ? answer : {}));
  });
  before((done) => void server.listen(0, "127.0.0.1", done));
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  function cluster(given: Answers) {
    answers = given;
    const { port } = server.address() as AddressInfo;
    const name = "test";
    const kubeconfig = JSON.stringify({
      ...{ apiVersion: "v1", kind: "Config", "current-context": name },
      clusters: [{ name, cluster: { server: `http://127.0.0.1:${port}` } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      users: [{ name, user: {} }],
    });
    return clusterClient({ kubeconfig }, "organization/ops-nats/edge-1");
  }

  describe("its identity", () => {
    const kubeSystem = { "/api/v1/namespaces/kube-system": { metadata: { uid: "some-uid" } } };
    const authority = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`;
    const certificate = { data: { "ca.crt": "a certificate" } };

    it("has the UID and the CA, also while the namespace does not exist yet", async () => {
      const there = await cluster({ ...kubeSystem, [authority("events")]: certificate }).identity("events");
      const missing = await cluster({ ...kubeSystem, [authority("default")]: certificate }).identity("events");
      assert.match(there.ca ?? "", /^[0-9a-f]{32}$/);
      assert.deepEqual(there, { uid: "some-uid", ca: there.ca });
      assert.deepEqual(missing, there);
    });

    it("is the CA alone without the right to read kube-system", async () => {
      const forbidden = { "/api/v1/namespaces/kube-system": "forbidden", [authority("default")]: "forbidden" } as const;
      const seen = await cluster({ ...forbidden, [authority("events")]: certificate }).identity("events");
      assert.deepEqual(Object.keys(seen), ["ca"]);
    });

    it("cannot be read without either right: an error that names the second", async () => {
      const forbidden = { "/api/v1/namespaces/kube-system": "forbidden", [authority("events")]: "forbidden" } as const;
      await assert.rejects(cluster(forbidden).identity("events"), /get configmaps\/kube-root-ca.crt .*forbidden/);
    });
  });

  const sets = "/apis/apps/v1/namespaces/events/statefulsets";
  const spec = { replicas: 3, template: { spec: { containers: [{ name: "nats", image: "nats:2.15.3-alpine" }] } } };

  it("its servers, but not those of a StatefulSet that is being deleted", async () => {
    const running = cluster({ [sets]: { items: [{ metadata: { name: "nats" }, spec }] } });
    assert.deepEqual(await running.runningServers("events", "nats"), {
      ...{ replicas: 3, claim: undefined, image: "nats:2.15.3-alpine" },
    });
    const metadata = { name: "nats", deletionTimestamp: "2026-11-29T00:00:00Z" };
    const deleted = cluster({ [sets]: { items: [{ metadata, spec }] } });
    assert.equal(await deleted.runningServers("events", "nats"), undefined);
  });

  it("its pods: whether the server runs, ready or not", async () => {
    const pod = (name: string, state: object) => ({
      metadata: { name },
      status: { containerStatuses: [{ name: "nats", ready: false, state }] },
    });
    const items = [pod("nats-0", { running: {} }), pod("nats-1", { waiting: { reason: "CrashLoopBackOff" } })];
    const seen = await cluster({ "/api/v1/namespaces/events/pods": { items } }).serverPods("events", "nats");
    assert.deepEqual(
      seen.map(({ name, running }) => [name, running]),
      [
        ["nats-0", true],
        ["nats-1", false],
      ],
    );
  });
});
