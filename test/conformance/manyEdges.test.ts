// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { installed } from "../harness/processes/installed.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";

// Their definition is larger than an argument of a program may be.
describe("a primary whose list has a thousand edges with persistence", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `a-rather-long-edge-${i}`);
  const [first = "", second = ""] = names;
  const persistence = { enabled: true, size: "1Gi" };
  const nats = installed(DEFAULT_VERSION, { listed: names, edges: [first, second], primary: { persistence } });

  it("stores what those say that are there", async () => {
    const app = await nats().client(nats().server("primary"));
    let heard = 0;
    app.subscribe("ops.clusters.*.x", { callback: () => void heard++ });
    await app.flush();
    for (const name of [first, second]) {
      const edge = await nats().connect(nats().server(name), nats().login(name));
      edge.publish(`ops.clusters.${name}.x`, "event");
      await edge.flush();
    }
    const log = () => nats().controller("primary").log;
    await until("an event of each", () => heard === 2, log, 90);
  });

  it("takes another list", async () => {
    await nats().list([...names, "one-more"]);
    await nats().controller("primary").planned();
    // what the servers have, not what the controller says: the answer to so large a request may be missed, and it looks again
    const store = await nats().connect(nats().server("primary"), nats().deployed.controller.login);
    const { config } = await (await jetstreamManager(store, { timeout: 20_000 })).streams.info("in");
    const edges = (config.sources ?? []).flatMap(({ external }) => external?.deliver ?? []);
    assert.deepEqual(new Set(edges), new Set([...names, "one-more"].map((name) => `up.${name}`)));
  });
});
