// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { inspect } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import { accessKeys, clusterProvider, kubeConfig } from "../access.ts";
import { PlainError } from "../components/plainError.ts";

describe("cluster", () => {
  const folder = mkdtempSync(join(tmpdir(), "ops-nats-"));
  after(() => rmSync(folder, { recursive: true }));
  const text = (...names: string[]) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: names.map((name) => ({ name, cluster: { server: `https://${name}.example` } })),
      users: [{ name: "me", user: { token: "t" } }],
      contexts: names.map((name) => ({ name, context: { cluster: name, user: "me" } })),
      "current-context": names[0],
    });
  const file = (name: string, ...clusters: string[]) => {
    const path = join(folder, name);
    writeFileSync(path, text(...clusters));
    return path;
  };
  const server = (keys: Record<string, string>) => kubeConfig(keys, () => new KubeConfig()).getCurrentCluster()?.server;

  it("takes the stack's kubernetes: keys, and no others", () => {
    assert.deepEqual(accessKeys({ "kubernetes:context": "c", "ops-nats:hosts": "[]", "kubernetes:kubeconfig": "k" }), {
      context: "c",
      kubeconfig: "k",
    });
  });

  it("is found by a kubeconfig's path, by ~, by its text", () => {
    const path = file("one", "a", "b");
    assert.equal(server({ kubeconfig: path }), "https://a.example");
    assert.equal(server({ kubeconfig: text("c") }), "https://c.example");
    const home = `~/${relative(homedir(), path)}`;
    assert.equal(server({ kubeconfig: home }), "https://a.example");
  });

  it("is chosen by context and cluster", () => {
    const path = file("two", "a", "b");
    assert.equal(server({ kubeconfig: path, context: "b" }), "https://b.example");
    assert.equal(server({ kubeconfig: path, context: "b", cluster: "a" }), "https://a.example");
  });

  it("is what kubectl would use where nothing is said: a list of files too", () => {
    const before = process.env.KUBECONFIG;
    process.env.KUBECONFIG = `${file("three", "x")}:${file("four", "y")}`;
    try {
      assert.equal(server({ context: "y" }), "https://y.example");
    } finally {
      if (before === undefined) delete process.env.KUBECONFIG;
      else process.env.KUBECONFIG = before;
    }
  });

  for (const key of ["helmReleaseSettings", "kubeClientSettings"]) {
    for (const text of ["{token: hunter2", '"hunter2"', '["hunter2"]']) {
      it(`refuses ${key} as ${text}, without its text`, () => {
        for (const secrets of [new Set<string>(), new Set([`kubernetes:${key}`])]) {
          assert.throws(
            () => clusterProvider({ [key]: text }, secrets, undefined),
            (error: Error) => {
              assert.match(error.message, new RegExp(`^kubernetes:${key}: expected a map .*next: pulumi config rm `));
              assert.doesNotMatch(`${error.message}${error.stack}${inspect(error)}`, /hunter2/);
              return error instanceof PlainError;
            },
          );
        }
      });
    }
  }

  it("refuses a kubeconfig that cannot be read, without its text", () => {
    const path = join(folder, "broken");
    writeFileSync(path, "users: [{token: hunter2");
    for (const kubeconfig of ["users: [{token: hunter2", path]) {
      assert.throws(
        () => server({ kubeconfig }),
        (error: Error) => {
          assert.match(error.message, /^kubeconfig: expected the path .*next: /);
          assert.doesNotMatch(`${error.message}${error.stack}`, /hunter2/);
          return true;
        },
      );
    }
  });
});
