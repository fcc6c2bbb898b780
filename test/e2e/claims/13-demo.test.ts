// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { passwordsIn } from "../../../nats/readInclude.ts";
import { stateFolder } from "../../../sandbox/cluster/layout.ts";
import { secretOf, type World, world } from "../../harness/clusters/world.ts";

const PROJECT = resolve(import.meta.dirname, "../../..");

/** What Pulumi says of a Deployment in the seconds in which its pod is not ready yet, it calls a warning. */
const withoutProgress = (text: string): string => text.replace(/^.*\[MinimumReplicasUnavailable\].*$/gm, "");

describe("npm run demo", () => {
  let w: World;
  let text: string;
  before(async () => {
    w = await world();
    for (const stack of ["edge-1", "primary"] as const) {
      await w.configure(stack);
      await w.destroy(stack);
    }
    const status = () => execa("git", ["status", "--porcelain"], { cwd: PROJECT });
    const before = (await status()).stdout;
    text = (await execa("npm", ["run", "demo"], { cwd: PROJECT, all: true })).all;
    assert.equal((await status()).stdout, before, "the demo writes no file that git knows");
  });

  it("tells the event at both ends, both ends of the link, where things are, and how to take it down", () => {
    const payload = /nats pub (ops\.clusters\.edge-1\.\S+) '(\{.*\})'/.exec(text);
    assert.ok(payload?.[2], text);
    assert.ok(text.split(payload[2]).length >= 3, "published and received");
    for (const pattern of [
      /Received on "ops\.clusters\.edge-1\./,
      /\/leafz at the primary: link to edge-1.nats-0, account EDGE-edge-1/,
      /\/leafz at edge-1: link to primary.nats-\d, account APP/,
      /kubeconfig\/primary\.yaml/,
      /What to try next/,
      /npm run sandbox -- down/,
      /with (our stand-in|the official chart|the chart in)/,
    ])
      assert.match(text, pattern);
    assert.doesNotMatch(withoutProgress(text), /warning:/);
  });

  it("shows no password, neither on the screen nor in its log", async () => {
    const log = await readFile(join(stateFolder, "demo/demo.log"), "utf8");
    assert.match(log, /leafCredentials/);
    assert.doesNotMatch(withoutProgress(log), /warning:/, "no warning in the demo");
    for (const stack of ["primary", "edge-1"] as const) {
      const all = Object.values(passwordsIn((await secretOf(w.kubectl[stack]))["ops-nats.conf"] ?? ""));
      assert.ok(all.length >= 3);
      for (const password of all) {
        assert.equal(password.length, 32);
        assert.ok(!text.includes(password) && !log.includes(password));
      }
    }
  });
});
