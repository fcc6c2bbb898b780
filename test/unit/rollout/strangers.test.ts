// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { EDGE_LIMITS } from "../../../config/schema.ts";
import type { Cluster } from "../../../kubernetes/port.ts";
import { PlainError } from "../../../lib/plainError.ts";
import { primaryConf } from "../../../nats/natsConf.ts";
import { passwordsIn } from "../../../nats/readInclude.ts";
import { routeAddresses } from "../../../nats/routes.ts";
import { assertNoStrangers } from "../../../rollout/strangers.ts";
import { place, pods, untouched } from "../../harness/fakeClusters.ts";

// What servers make of it is judged by servers: test/conformance/routes.test.ts.
describe("routes between the servers of a cluster", () => {
  const logins = { admin: { user: "admin", password: "pw-admin" }, app: { user: "app", password: "pw-app" } };
  const addresses = routeAddresses({ release: "ops", replicas: 3 });
  const conf = (password: string, more: readonly string[] = addresses) =>
    primaryConf({ ...logins, route: { user: "_route", password, addresses: more } }, [], EDGE_LIMITS);

  it("go to the pods of the release by its headless Service; a lone server has none", () => {
    assert.deepEqual(
      addresses,
      ["ops-nats-0", "ops-nats-1", "ops-nats-2"].map((pod) => `${pod}.ops-nats-headless:6222`),
    );
    assert.deepEqual(routeAddresses({ release: "nats", replicas: 1 }), []);
    assert.doesNotMatch(primaryConf(logins, [], EDGE_LIMITS), /ROUTE/);
  });

  it("have their password in the include file, in each URL and as what is asked for", () => {
    const [urls, login] = conf("p@ss").split("\n");
    assert.equal(urls, `ROUTES: [${addresses.map((address) => `"nats://_route:p%40ss@${address}"`).join(", ")}]`);
    assert.equal(login, 'ROUTE_LOGIN: { user: "_route", password: "p@ss" }');
    assert.equal(passwordsIn(conf("p@ss"))._route, "p@ss");
  });

  describe("that somebody else has", () => {
    const peers = (...ids: string[]) => ids.map((id) => ({ id, address: `10.0.0.1:${id.length}` }));
    const cluster = (known: Record<string, string[]>): Cluster => ({
      ...untouched,
      serverPods: async () => pods(...Object.keys(known)),
      serverRoutes: async (_, pod) => ({ id: pod, peers: peers(...(known[pod] ?? [])) }),
    });
    const quickly = { seconds: 0.01, pause: 0.001 };

    it("are none where each knows the others, or no one", async () => {
      await assertNoStrangers(place(cluster({ a: ["b"], b: ["a"] })), quickly);
      await assertNoStrangers(place(cluster({ a: [] })), quickly);
    });

    it("are an error that names the address", async () => {
      await assert.rejects(assertNoStrangers(place(cluster({ a: ["b", "evil"], b: ["a"] })), quickly), {
        message:
          /^servers in namespace events: expected no others [^\n]*; came routes to 10\.0\.0\.1:4, [^\n]*; next: [^\n]*rollout restart[^\n]*$/,
      });
    });

    it("may be those of a server that is going, for a while", async () => {
      let looks = 0;
      const leaving: Cluster = {
        ...cluster({ a: [] }),
        serverRoutes: async () => ({ id: "a", peers: looks++ < 2 ? peers("gone") : [] }),
      };
      await assertNoStrangers(place(leaving), { seconds: 5, pause: 0.001 });
      assert.equal(looks, 3);
    });

    it("are looked for again where a server ends while it is asked, and not where a right is missing", async () => {
      let looks = 0;
      const failing = (error: Error, times: number): Cluster => ({
        ...cluster({ a: [] }),
        serverRoutes: async () => {
          if (looks++ < times) throw error;
          return { id: "a", peers: [] };
        },
      });
      await assertNoStrangers(place(failing(new Error("closed"), 2)), { seconds: 5, pause: 0.001 });
      assert.equal(looks, 3);
      await assert.rejects(assertNoStrangers(place(failing(new Error("closed"), 1e9)), quickly), /closed/);
      looks = 0;
      const forbidden = failing(new PlainError("forbidden"), 1);
      await assert.rejects(assertNoStrangers(place(forbidden), { seconds: 5, pause: 0.001 }), /forbidden/);
      assert.equal(looks, 1);
    });
  });
});
