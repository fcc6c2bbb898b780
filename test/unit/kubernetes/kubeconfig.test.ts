// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { inspect } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import { inClusterKubeconfig, knownContexts, kubeConfig, proxyOf } from "../../../kubernetes/kubeconfig.ts";
import { accessKeys, clusterProvider } from "../../../kubernetes/provider.ts";
import { PlainError } from "../../../lib/plainError.ts";

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

  describe("behind a proxy", () => {
    const env = (NO_PROXY = "") => ({ HTTPS_PROXY: "http://proxy.example:3128", NO_PROXY });

    it("is reached by it, as Go's clients do: by the scheme, and without a scheme in the variable too", () => {
      assert.equal(proxyOf("https://api.example:6443", env()), "http://proxy.example:3128");
      assert.equal(proxyOf("https://api.example", { https_proxy: "proxy.example:3128" }), "http://proxy.example:3128");
      assert.equal(proxyOf("http://api.example", env()), undefined);
      assert.equal(proxyOf("https://api.example", {}), undefined);
      assert.equal(proxyOf("https://api.example", { HTTPS_PROXY: "" }), undefined);
      assert.equal(proxyOf("https://api.example", { HTTPS_PROXY: "", https_proxy: "p:1" }), "http://p:1");
    });

    for (const [list, server, passed] of [
      ["*", "https://api.example", true],
      ["example", "https://api.example", true],
      ["api.example", "https://api.example:6443", true],
      ["api.example:6443", "https://api.example:6443", true],
      ["api.example:443", "https://api.example:6443", false],
      [".example", "https://api.example", true],
      [".api.example", "https://api.example", false],
      ["*.example", "https://api.example", true],
      ["*i.example", "https://api.example", false],
      ["pi.example", "https://api.example", false],
      [" other , API.example", "https://api.example", true],
      ["10.0.0.0/8", "https://10.1.2.3:6443", true],
      ["10.0.0.0/8", "https://11.1.2.3:6443", false],
      ["10.1.2.3", "https://10.1.2.3:6443", true],
      ["10.0.0.0/255.0.0.0", "https://10.1.2.3:6443", false],
      ["10.0.0.0/", "https://11.1.2.3:6443", false],
      ["10.1.2", "https://10.1.2.3:6443", false],
      ["fd00::/8", "https://[fd00::1]:6443", true],
      ["fd00::1", "https://[fd00::1]:6443", true],
      ["[fd00::1]:6443", "https://[fd00::1]:6443", true],
      ["", "https://localhost:6443", true],
      ["", "https://127.0.0.2:6443", true],
      ["", "https://[::1]:6443", true],
    ] as const) {
      it(`NO_PROXY=${list} ${passed ? "passes it by for" : "says nothing of"} ${server}`, () => {
        assert.equal(proxyOf(server, env(list)), passed ? undefined : "http://proxy.example:3128");
      });
    }

    it("keeps the kubeconfig's own", () => {
      const config = JSON.parse(text("a")) as { clusters: { cluster: Record<string, string> }[] };
      const [{ cluster }] = config.clusters as [{ cluster: Record<string, string> }];
      cluster["proxy-url"] = "http://own.example";
      const loaded = kubeConfig({ kubeconfig: JSON.stringify(config) }, () => new KubeConfig());
      assert.equal(loaded.getCurrentCluster()?.proxyUrl, "http://own.example");
    });
  });

  it("is found by a KUBECONFIG that lists a file which is not there, as by kubectl; by plain HTTP, too", () => {
    const before = process.env.KUBECONFIG;
    process.env.KUBECONFIG = `${file("seven", "x")}:${join(folder, "missing")}`;
    try {
      assert.equal(server({}), "https://x.example");
    } finally {
      if (before === undefined) delete process.env.KUBECONFIG;
      else process.env.KUBECONFIG = before;
    }
    const plain = text("p").replaceAll("https://", "http://");
    assert.equal(kubeConfig({ kubeconfig: plain }, () => new KubeConfig()).getCurrentCluster()?.skipTLSVerify, true);
  });

  it("tells which contexts there are, of all files, once each; none where there is no file", () => {
    const KUBECONFIG = `${file("five", "x", "y")}:${join(folder, "missing")}:${file("six", "y", "z")}`;
    assert.deepEqual(knownContexts({ KUBECONFIG }), ["x", "y", "z"]);
    assert.deepEqual(knownContexts({ KUBECONFIG: join(folder, "missing") }), []);
  });

  it("from inside: the service account's files, and no secret in the text", () => {
    const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    writeFileSync(join(folder, "token"), "a-token");
    const config = inClusterKubeconfig(env, folder);
    assert.ok(!config.includes("a-token"));
    const loaded = kubeConfig({ kubeconfig: config }, () => new KubeConfig());
    assert.equal(loaded.getCurrentCluster()?.server, "https://[fd00::1]:443");
    assert.equal(loaded.getCurrentUser()?.token, "a-token");
    assert.throws(() => inClusterKubeconfig({}), { message: /^ops-nats:inCluster: expected to run in a pod/ });
  });
});
