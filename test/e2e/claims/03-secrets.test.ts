// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { edgeNkey } from "../../../nats/nkeys.ts";
import { passwordsIn } from "../../../nats/readInclude.ts";
import { secretOf, type World, world } from "../../harness/clusters/world.ts";

describe("no password in clear text", () => {
  let w: World;
  let passwords: Record<string, string>;
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
    await w.ensure("edge-1");
    const edge = await w.workspace.outputs("edge-1");
    const secret = await secretOf(w.kubectl.primary);
    const rootKey = String(secret["root-key"]);
    passwords = {
      "the primary's admin": String(secret["admin-password"]),
      "the primary's app": String(secret["app-password"]),
      "the primary's servers'": String(passwordsIn(secret["ops-nats.conf"] ?? "")._route),
      "edge-1's admin": String(edge.adminPassword),
      "edge-1's app": String(edge.appPassword),
      "the primary's root key": rootKey,
      "edge-1's leaf": edgeNkey(rootKey, "edge-1").seed,
      "edge-2's leaf": edgeNkey(rootKey, "edge-2").seed,
    };
    for (const [whose, password] of Object.entries(passwords)) assert.ok(password.length >= 32, whose);
    assert.equal(new Set(Object.values(passwords)).size, 8, "every login has a password of its own");
  });

  function clean(where: string, text: string): void {
    assert.ok(text.length > 100, `${where}: nothing to search`);
    for (const [whose, password] of Object.entries(passwords)) {
      assert.ok(!text.includes(password), `${whose} password in ${where}`);
      for (const core of base64Cores(password))
        assert.ok(!text.includes(core), `${whose} password, base64, in ${where}`);
    }
  }

  /** What base64 makes of the password wherever in a text it stands: one core for each of the three alignments. */
  function base64Cores(password: string): string[] {
    return [0, 1, 2].map((before) => {
      const all = Buffer.from("\0".repeat(before) + password)
        .toString("base64")
        .replace(/=+$/, "");
      const whole = Math.floor(((before + password.length) * 8) / 6);
      return all.slice(Math.ceil((before * 8) / 6), whole);
    });
  }

  for (const stack of ["primary", "edge-1"] as const) {
    it(`of ${stack}: in ConfigMaps, workloads, pods, Services and events`, async () => {
      clean(
        "objects",
        await w.kubectl[stack].run([
          "get",
          "configmap,statefulset,deployment,pod,service,event,endpoints,pdb",
          "-o",
          "yaml",
        ]),
      );
    });

    it(`of ${stack}: in Helm's record, decoded, with the chart's values in it`, async () => {
      const record = await w.kubectl[stack].json<{ items: { data: { release: string } }[] }>([
        "get",
        "secret",
        "-l",
        "owner=helm",
      ]);
      assert.ok(record.items.length > 0);
      for (const { data } of record.items) {
        const inner = Buffer.from(Buffer.from(data.release, "base64").toString(), "base64");
        const text = gunzipSync(inner).toString();
        assert.match(text, /serverNamePrefix/);
        clean("Helm's record", text);
      }
    });

    it(`of ${stack}: in pulumi preview, a diff of it, stack export, stack output, the state and the stack files`, async () => {
      const run = async (...args: string[]) => (await w.pulumi(stack, ...args)).text;
      clean("preview", await run("preview", "--diff"));
      clean("preview --json", await run("preview", "--json"));
      clean("stack export", await run("stack", "export"));
      clean("stack output", await run("stack", "output"));
      clean(
        "the state",
        await readFile(join(w.workspace.folder, `state/.pulumi/stacks/ops-nats/${stack}.json`), "utf8"),
      );
      clean("stack file", `${await readFile(w.workspace.stackFile(stack), "utf8")}${" ".repeat(100)}`);
    });
  }

  it("in anything that Pulumi printed in this run", () => clean("Pulumi's output", w.printed.join("\n")));

  it("of the primary, or of another edge, is not even encrypted in an edge's state", async () => {
    const { text } = await w.pulumi("edge-1", "stack", "export", "--show-secrets");
    w.printed.pop(); // it is full of what nothing else may print
    assert.ok(text.includes(passwords["edge-1's app"] ?? "none"), "it is decrypted");
    const own = passwords["edge-1's leaf"] ?? assert.fail();
    assert.ok(
      [own, ...base64Cores(own)].some((form) => text.includes(form)),
      "its own",
    );
    const primarys = await secretOf(w.kubectl.primary);
    for (const key of ["leafs.key", "routes.key"]) {
      const line = primarys[key]?.split("\n")[1] ?? ""; // of the base64 between its ends
      assert.ok(line.length > 20 && !text.includes(line), key);
    }
    for (const whose of [
      "the primary's admin",
      "the primary's app",
      "the primary's servers'",
      "the primary's root key",
      "edge-2's leaf",
    ]) {
      const password = passwords[whose] ?? assert.fail();
      for (const form of [password, ...base64Cores(password)]) assert.ok(!text.includes(form), whose);
    }
  });

  it("of the primary, or of another edge, is not in what an edge's run tells to who looks for faults", async () => {
    const { text } = await w.pulumi("edge-1", "preview", "--debug");
    w.printed.pop();
    assert.match(text, /debug: /);
    const found = Object.entries(passwords).filter(
      ([whose, password]) => !whose.startsWith("edge-1") && text.includes(password),
    );
    assert.deepEqual(
      found.map(([whose]) => whose),
      [],
    );
  });

  it("is found where it belongs, so the search can find: the Secret", async () => {
    const text = Object.values(await secretOf(w.kubectl["edge-1"])).join("\n");
    assert.ok(
      text.includes(passwords["edge-1's leaf"] ?? "none") && text.includes(passwords["edge-1's app"] ?? "none"),
    );
    assert.throws(() => clean("the Secret", text), /password in the Secret/);
    const raw = await w.kubectl["edge-1"].run(["get", "secret", "ops-nats-auth", "-o", "yaml"]);
    const conf = /ops-nats\.conf: (\S+)/.exec(raw)?.[1] ?? "";
    assert.throws(() => clean("the Secret as it is", conf), /password, base64, in the Secret as it is/);
    assert.ok(!text.includes(passwords["the primary's app"] ?? "none"), "no password of the primary at the edge");
  });
});
