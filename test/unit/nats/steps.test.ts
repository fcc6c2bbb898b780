// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { EDGE_LIMITS } from "../../../config/schema.ts";
import type { Cluster } from "../../../kubernetes/port.ts";
import { PlainError } from "../../../lib/plainError.ts";
import { configTag, tagOf } from "../../../nats/configTag.ts";
import { primaryConf } from "../../../nats/natsConf.ts";
import { accountsIn, edgesIn } from "../../../nats/readInclude.ts";
import { routeAddresses } from "../../../nats/routes.ts";
import { stepsTo } from "../../../nats/steps.ts";
import { bridge } from "../../../rollout/bridge.ts";
import { place, pods, untouched } from "../../harness/fakeClusters.ts";

// What servers make of it is judged by servers: test/conformance/routes.test.ts.
describe("steps of the servers of a cluster to another configuration", () => {
  const logins = { admin: { user: "admin", password: "pw-admin" }, app: { user: "app", password: "pw-app" } };
  const addresses = routeAddresses({ release: "ops", replicas: 3 });
  const conf = (password: string, more: readonly string[] = addresses) =>
    primaryConf({ ...logins, route: { user: "_route", password, addresses: more } }, [], EDGE_LIMITS);

  /** What servers run on the way. */
  const steps = (now: string, next: string) => stepsTo(now, next).map(({ include }) => include);

  it("take another password in steps: nobody is asked, all have its URLs, and nothing else changes", () => {
    const [now, next] = [conf("one"), conf("two")];
    const way = steps(now, next);
    assert.equal(way.length, 2);
    const [open = "", renewed = ""] = way;
    for (const step of way) {
      assert.match(step, /^ROUTE_LOGIN: \{\}$/m);
      assert.equal(
        step.split("accounts {")[1]?.split("server_tags")[0],
        now.split("accounts {")[1]?.split("server_tags")[0],
      );
      assert.equal(tagOf(step), configTag(step.slice(0, step.indexOf("server_tags"))));
    }
    assert.ok(open.includes(":one@") && !open.includes("two"));
    assert.ok(renewed.includes(":two@") && !renewed.includes("one"));
    assert.equal(new Set([now, open, renewed, next].map(tagOf)).size, 4);
  });

  it("take no steps where the password stays, where there were none, or where there are none any more", () => {
    assert.deepEqual(steps(conf("one"), conf("one", addresses.slice(1))), []);
    assert.deepEqual(steps(primaryConf(logins, [], EDGE_LIMITS), conf("one")), []);
    assert.deepEqual(steps(conf("one"), primaryConf(logins, [], EDGE_LIMITS)), []);
  });

  it("go on from steps that were interrupted", () => {
    const [now, next] = [conf("one"), conf("two")];
    for (const left of steps(now, next)) assert.equal(steps(left, next).at(-1), steps(now, next).at(-1));
  });

  describe("and accounts that come", () => {
    const leaf = (user: string) => ({
      user,
      nkey: `U${user}`,
      publish: [`ops.clusters.${user}.>`],
      receive: [],
      stored: false,
    });
    const route = { user: "_route", password: "one", addresses };
    const of = (...edges: string[]) => primaryConf({ ...logins, route }, edges.map(leaf), EDGE_LIMITS);

    it("are known to all servers before one of them uses it: empty, and nothing else is another", () => {
      const [now, next] = [of("edge-1"), of("edge-1", "edge-2", "edge-3")];
      const [step = "", ...more] = steps(now, next);
      assert.equal(more.length, 0);
      assert.deepEqual(new Set(accountsIn(step)), new Set(accountsIn(next)));
      assert.ok(step.includes('\n  "EDGE-edge-2" {}\n') && step.includes('\n  "EDGE-edge-3" {}\n'));
      const rest = (text: string) => text.replace(/^ {2}"EDGE-edge-[23]" \{\}\n/gm, "").replace(/^server_tags.*$/m, "");
      assert.equal(rest(step), rest(now));
      assert.equal(tagOf(step), configTag(step.slice(0, step.indexOf("server_tags"))));
      // a run that was killed may not have brought it to all
      assert.deepEqual(steps(step, next), [step]);
    });

    it("are no step where none comes, or where a lone server has nobody to tell", () => {
      assert.deepEqual(steps(of("edge-1", "edge-2"), of("edge-1")), []);
      const alone = (...edges: string[]) => primaryConf(logins, edges.map(leaf), EDGE_LIMITS);
      assert.deepEqual(steps(alone("edge-1"), alone("edge-1", "edge-2")), []);
    });

    it("come before another password", () => {
      const next = primaryConf({ ...logins, route: { ...route, password: "two" } }, [leaf("edge-1")], EDGE_LIMITS);
      const way = stepsTo(conf("one"), next);
      assert.deepEqual(
        way.map(({ what }) => what),
        ["they learn of further accounts", "the password between them changes", "the password between them changes"],
      );
      for (const { include } of way) assert.ok(accountsIn(include).includes('"EDGE-edge-1"'));
    });

    it("stay, empty, when their edge is listed no more", () => {
      const text = primaryConf(logins, [leaf("edge-1")], EDGE_LIMITS, undefined, {}, ["edge-2"]);
      assert.ok(text.includes('\n  "EDGE-edge-2" {}\n'));
      assert.deepEqual(edgesIn(text), ["edge-1", "edge-2"]);
    });
  });

  describe("are changed", () => {
    const at = { secret: "ops-nats-auth", key: "ops-nats.conf" };
    let done: string[] = [];
    let now = "";
    const cluster: Cluster = {
      ...untouched,
      secret: async () => ({ [at.key]: now }),
      writeSecret: async (namespace, name, key, text) => {
        done.push(`write ${namespace} ${name} ${key} ${tagOf(text)}`);
        now = text;
      },
      touchPods: async () => void done.push("wake"),
      runningServers: async () => ({ replicas: 3, claim: undefined, image: undefined }),
      serverPods: async () => pods("nats-0", "nats-1"),
      serverTags: async (_, pod) => {
        done.push(`ask ${pod}`);
        return [tagOf(now)];
      },
    };
    const run = async (from: string, next: string, there = cluster) => {
      [done, now] = [[], from];
      const log = mock.method(pulumi.log, "info", async () => {});
      try {
        await bridge(place(there), at, next);
      } finally {
        log.mock.restore();
      }
    };

    it("step by step, each when all servers run the one before", async () => {
      const [from, next] = [conf("one"), conf("two")];
      await run(from, next);
      const step = (text: string) => [
        `write events ${at.secret} ${at.key} ${tagOf(text)}`,
        "wake",
        "ask nats-0",
        "ask nats-1",
      ];
      assert.deepEqual(done, steps(from, next).flatMap(step));
    });

    it("by nothing where the password stays, or where there are no servers", async () => {
      await run(conf("one"), conf("one"));
      await run(conf("one"), conf("two"), { ...cluster, runningServers: async () => undefined });
      assert.deepEqual(done, []);
    });

    it("not at all where a server does not follow: they get back what they had", async () => {
      const from = conf("one");
      const refusing: Cluster = {
        ...cluster,
        serverTags: async () => {
          throw new PlainError("forbidden");
        },
      };
      await assert.rejects(run(from, conf("two"), refusing), /forbidden/);
      const [open = ""] = steps(from, conf("two"));
      const write = (text: string) => [`write events ${at.secret} ${at.key} ${tagOf(text)}`, "wake"];
      assert.deepEqual(done, [...write(open), ...write(from)]);
      assert.equal(now, from);
    });
  });
});
