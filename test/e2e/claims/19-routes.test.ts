// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { passwordsIn } from "../../../components/natsConf.ts";
import { DEFAULT_IMAGES } from "../../../defaults.ts";
import { until } from "../../../sandbox/kubectl.ts";
import { complaints, during } from "../../durability/scenario.ts";
import { reachable, siteOf } from "../clusterSite.ts";
import { EVENT, podIdentities, readme, secretOf, UP, type World, world } from "../world.ts";

const STRANGERS = "strangers";
const user = (name: string) => `users: [{ user: ${name}, password: ${name} }]`;
/** As a server that calls itself one of the primary's is configured by whoever knows no password. */
const CONF = `server_name: primary.nats-3
port: 4222
system_account: SYS
accounts { SYS { ${user("sys")} }, APP { ${user("app")} }, EDGE-edge-1 { ${user("edge")} }, STORE { ${user("store")} } }
cluster {
  name: primary, port: 6222, pool_size: -1, no_advertise: true
  routes: [${[0, 1, 2].map((i) => `"nats://nats-${i}.nats-headless.ops-system:6222"`).join(", ")}]
}
`;
const pod = {
  kind: "Pod",
  metadata: { name: "stranger" },
  spec: {
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: "conf", configMap: { name: "conf" } }],
    containers: [
      {
        name: "nats",
        image: `${DEFAULT_IMAGES.nats.repository}:${DEFAULT_IMAGES.nats.tag}`,
        args: ["-c", "/conf/nats.conf"],
        volumeMounts: [{ name: "conf", mountPath: "/conf" }],
      },
      {
        name: "box",
        image: `${DEFAULT_IMAGES.natsBox.repository}:${DEFAULT_IMAGES.natsBox.tag}`,
        command: ["sh", "-c", 'trap "exit 0" TERM; sleep 3600 & wait'],
      },
    ],
  },
};

describe("the servers of a cluster", () => {
  let w: World;
  before(async () => {
    w = await world();
    // what runs without claims gets none; what others have left is of this size
    for (const stack of ["edge-1", "primary"] as const) {
      await w.destroy(stack);
    }
    await w.ensure("primary", { edges: ["edge-1"], persistence: { enabled: true, size: "2Gi" } });
    await w.ensure("edge-1", reachable);
  });

  /** To how many others each has a route. */
  const routes = async () => {
    const pages = [0, 1, 2].map((i) =>
      w.kubectl.primary.monitor<{ routes?: { remote_name: string }[] }>(`nats-${i}`, "/routez"),
    );
    return (await Promise.all(pages)).map((page) => new Set(page.routes?.map((one) => one.remote_name)).size);
  };

  it("are joined by no pod without their password: it hears nothing, and nobody notices", async () => {
    const { primary } = w.kubectl;
    await primary.apply(STRANGERS, [
      { kind: "Namespace", metadata: { name: STRANGERS } },
      { kind: "ConfigMap", metadata: { name: "conf" }, data: { "nats.conf": CONF } },
      pod,
    ]);
    try {
      await primary.run(["-n", STRANGERS, "wait", "--for=condition=Ready", "pod/stranger", "--timeout=60s"]);
      const log = () => primary.run(["logs", "nats-0", "-c", "nats", "--tail", "50"]);
      await until("it to be refused", log, (text) => text.includes("TLS route handshake error"));
      for (const name of ["app", "store"]) {
        const listening = primary.run(
          [
            ...["-n", STRANGERS, "exec", "stranger", "-c", "box", "--", "sh", "-c"],
            `nats sub -s nats://127.0.0.1:4222 --user ${name} --password ${name} --wait 8s '>' 2>&1 || true`,
          ],
          { timeout: 60_000 },
        );
        await pause(3000);
        await w.kubectl["edge-1"].box(["nats", "pub", EVENT("edge-1"), "secret"]);
        const heard = await listening;
        assert.match(heard, /Subscribing on >/);
        assert.doesNotMatch(heard, /secret|ops\.clusters/);
      }
      assert.deepEqual(await routes(), [2, 2, 2]);
    } finally {
      await primary.run(["delete", "namespace", STRANGERS, "--wait=false"]);
    }
  });

  it("take another password while events flow: no pod is restarted, no stored event is lost, nobody may join afterwards", async () => {
    const include = async () => (await secretOf(w.kubectl.primary))["ops-nats.conf"] ?? "";
    const before = { pods: await podIdentities(w.kubectl.primary), password: passwordsIn(await include())._route };
    assert.ok(before.password);
    const command =
      /^pulumi up .*nats-route-.*$/m.exec(await readme())?.[0] ?? assert.fail("the README has no command");
    const answered = command.replace("pulumi up", `pulumi ${UP.join(" ")} --non-interactive`);
    const load = { steady: 100, each: 3, size: 300 };
    const site = await siteOf(w, ["edge-1"], true);
    let text = "";
    const outcomes = await during(
      site,
      "another password between the primary's servers",
      async () => {
        text = await w.shell("primary", answered);
        w.printed.push(text);
      },
      { load },
    );
    assert.deepEqual(complaints(outcomes), []);
    for (const { cluster, sent, stored, unheard } of outcomes) {
      assert.ok(stored >= sent * 0.98, `${cluster}: ${stored} of ${sent}`);
      // servers dial each other anew with each of three steps, in two seconds at most: who listens at one misses what is said at another
      assert.ok(unheard <= 6 * (load.steady + load.each), `${cluster}: ${unheard} of ${stored} were not heard live`);
    }
    assert.match(text, /the password between them changes, step 1 of 3/);
    const now = await include();
    const { _route: route } = passwordsIn(now);
    assert.ok(route !== undefined && route !== before.password);
    assert.ok(!text.includes(route) && !text.includes(before.password));
    assert.deepEqual(await podIdentities(w.kubectl.primary), before.pods);
    await until("all routes", routes, (peers) => peers.every((number) => number === 2));
    const again = await w.pulumi("primary", "preview", "--expect-no-changes");
    assert.ok(!again.failed, again.text);
  });
});
