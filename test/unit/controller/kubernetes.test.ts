// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inCluster } from "../../../controller/kubernetes.ts";
import { certificates } from "../../../nats/certificates.ts";

interface Asked {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly token: string | undefined;
  readonly body: string;
}

describe("controller: its Lease in the cluster", () => {
  let folder = "";
  let server: Server;
  let env: NodeJS.ProcessEnv = {};
  const asked: Asked[] = [];
  /** What the API server answers; undefined: nothing. */
  let answer: readonly [status: number, body: object] | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "ops-nats-account-"));
    const { certificate, key, authorities } = await certificates("root", "leafs", ["127.0.0.1"]);
    await writeFile(join(folder, "ca.crt"), authorities);
    server = createServer({ cert: certificate, key }, (request, response) => {
      let body = "";
      request.on("data", (part) => {
        body += part;
      });
      request.on("end", () => {
        const { method, url: path, headers } = request;
        asked.push({ method, path, token: headers.authorization, body });
        if (answer) response.writeHead(answer[0]).end(JSON.stringify(answer[1]));
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) };
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    asked.length = 0;
    await writeFile(join(folder, "token"), "first\n");
  });

  const leases = () => inCluster("ops-system", "nats-controller", folder, env);
  const PATH = "/apis/coordination.k8s.io/v1/namespaces/ops-system/leases/nats-controller";
  const lease = { metadata: { name: "nats-controller", resourceVersion: "7" }, spec: { holderIdentity: "a" } };

  it("is read by the token of the moment, which the kubelet renews", async () => {
    answer = [200, lease];
    const one = leases();
    assert.deepEqual(await one.read(), lease);
    await writeFile(join(folder, "token"), "second\n");
    await one.read();
    assert.deepEqual(
      asked.map(({ method, path, token }) => [method, path, token]),
      ["Bearer first", "Bearer second"].map((token) => ["GET", PATH, token]),
    );
  });

  it("is written as it was read: a conflict is no error, but no success either", async () => {
    answer = [200, lease];
    assert.equal(await leases().write(lease), true);
    const [{ method, path, body } = assert.fail("nothing was asked")] = asked;
    assert.deepEqual([method, path], ["PUT", PATH]);
    assert.deepEqual(JSON.parse(body), {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { ...lease.metadata, namespace: "ops-system" },
      spec: lease.spec,
    });
    answer = [409, { reason: "Conflict" }];
    assert.equal(await leases().write(lease), false);
  });

  it("that may not be read or written is an error in the API server's words", async () => {
    answer = [403, { message: "leases is forbidden" }];
    await assert.rejects(leases().read(), /lease nats-controller cannot be read: 403 .*leases is forbidden/);
    await assert.rejects(leases().write(lease), /lease nats-controller cannot be written: 403 .*leases is forbidden/);
  });

  it("that is gone is nobody's", async () => {
    answer = [404, {}];
    assert.equal(await leases().read(), undefined);
  });

  it("of an API server that says nothing is an error after five seconds", async () => {
    answer = undefined;
    await assert.rejects(leases().read(), /the API server \(127\.0\.0\.1:\d+\) gives no answer: nothing within 5 s$/);
  });

  it("is never asked of somebody whose certificate another has signed", async () => {
    const other = await mkdtemp(join(tmpdir(), "ops-nats-account-"));
    try {
      await writeFile(join(other, "token"), "secret\n");
      await writeFile(join(other, "ca.crt"), (await certificates("another root", "leafs", ["127.0.0.1"])).authorities);
      answer = [200, lease];
      await assert.rejects(
        inCluster("ops-system", "x", other, env).read(),
        /gives no answer: .*(signature|certificate)/,
      );
      assert.deepEqual(asked, []);
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });
});
