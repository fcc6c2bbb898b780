// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { DEFAULT_IMAGES, LEAF_PORT } from "../../../config/defaults.ts";
import { certificates } from "../../../nats/certificates.ts";
import { passwordsIn } from "../../../nats/readInclude.ts";
import { layoutOf } from "../../../sandbox/cluster/layout.ts";
import { leafs, until } from "../../../sandbox/kubectl.ts";
import { reachable, siteOf } from "../../harness/clusters/clusterSite.ts";
import { documentation, EVENT, podIdentities, secretOf, UP, type World, world } from "../../harness/clusters/world.ts";
import { complaints, during } from "../../scenarios/scenario.ts";

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
/** A server that runs what is in the ConfigMap of its name, and nats-box beside it. */
const pod = (name: string) => ({
  kind: "Pod",
  metadata: { name, labels: { name } },
  spec: {
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: "conf", configMap: { name } }],
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
});

/** As somebody is configured who was given the address that edge-1 dials, and who knows the public key by which that logs in. */
const falsePrimary = (publicKey: string) => `server_name: primary.nats-0
port: 4222
system_account: SYS
accounts { SYS { ${user("sys")} }, EDGE { users: [{ nkey: ${publicKey} }, { user: edge, password: edge }] } }
jetstream { domain: primary, store_dir: /tmp/false }
leafnodes { port: 7422, tls { cert_file: /conf/tls.crt, key_file: /conf/tls.key } }
`;
const API = "$JS.edge-1.API";
/** What would tell of an edge's stream, or end it. */
const ATTEMPTS: readonly (readonly [subject: string, body: string])[] = [
  [`${API}.STREAM.INFO.ops`, ""],
  [`${API}.STREAM.MSG.GET.ops`, '{"last_by_subj":">"}'],
  [`${API}.CONSUMER.DELETE.ops.edge-1`, ""],
  [`${API}.STREAM.PURGE.ops`, ""],
  [`${API}.STREAM.DELETE.ops`, ""],
  ["$JS.API.STREAM.DELETE.ops", ""],
];

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
      { kind: "ConfigMap", metadata: { name: "stranger" }, data: { "nats.conf": CONF } },
      pod("stranger"),
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
      /^pulumi up .*nats-route-.*$/m.exec(await documentation())?.[0] ??
      assert.fail("the documentation has no command");
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

  it("are known to an edge by their certificate: who has their address gets no link, and with their key, too, reads, purges and deletes nothing", async function () {
    this.timeout(300_000);
    const { "edge-2": there, "edge-1": edge, primary } = w.kubectl;
    const { address } = layoutOf("edge-2");
    const persistent = { edges: ["edge-1"], persistence: { enabled: true, size: "2Gi" } };
    await w.destroy("edge-2"); // its port is the other's now
    /** The edge's own configuration is the same; what the primary offers is not. */
    const edgeUp = async () => {
      const { failed, text } = await w.pulumi("edge-1", ...UP);
      assert.ok(!failed, text);
    };
    await w.ensure("primary", { ...persistent, hosts: [address] });
    await edgeUp();
    const secret = await secretOf(primary);
    const publicKey = /nkey: (U\w+)/.exec(secret["ops-nats.conf"] ?? "")?.[1] ?? assert.fail("no nkey");
    const kept = async () => {
      const { state } = JSON.parse(await edge.box(["nats", "stream", "info", "ops", "--json"]));
      return { first: state.first_seq as number, messages: state.messages as number, consumers: state.consumer_count };
    };
    await edge.box(["nats", "pub", EVENT("edge-1"), "kept"]);
    const before = await until("an event to be stored", kept, ({ messages }) => messages > 0);
    const listen = async (certificate: string, key: string) => {
      const data = { "nats.conf": falsePrimary(publicKey), "tls.crt": certificate, "tls.key": key };
      const ports = [{ port: 7422, nodePort: LEAF_PORT }];
      await there.apply(STRANGERS, [
        { kind: "Namespace", metadata: { name: STRANGERS } },
        { kind: "ConfigMap", metadata: { name: "primary" }, data },
        {
          kind: "Service",
          metadata: { name: "primary" },
          spec: { type: "NodePort", selector: { name: "primary" }, ports },
        },
        pod("primary"),
      ]);
      await there.run(["-n", STRANGERS, "wait", "--for=condition=Ready", "pod/primary", "--timeout=60s"]);
    };
    const links = async () => (await leafs(edge)).length;
    try {
      const other = await certificates("another root key", "leafs", [address]);
      await listen(other.certificate, other.key);
      const log = () => edge.run(["logs", "nats-0", "-c", "nats", "--tail", "50"]);
      await until("it to be refused", log, (text) => /handshake error.*unknown authority/.test(text));
      assert.equal(await links(), 0);
      await there.run(["-n", STRANGERS, "delete", "pod", "primary"]);
      await listen(secret["leafs.crt"] ?? "", secret["leafs.key"] ?? "");
      await until("the link", links, (number) => number === 1);
      const ask = (subject: string, body: string) =>
        there.run([
          ...["-n", STRANGERS, "exec", "primary", "-c", "box", "--", "sh", "-c"],
          `nats req -s nats://127.0.0.1:4222 --user edge --password edge --timeout 2s '${subject}' '${body}' 2>&1 || true`,
        ]);
      // what the primary may ask is answered, so the others could be
      assert.match(await ask(`${API}.CONSUMER.RESET.ops.edge-1`, ""), /consumer/);
      for (const [subject, body] of ATTEMPTS) assert.doesNotMatch(await ask(subject, body), /"type"|Received/, subject);
      assert.match(await ask(`${API}.CONSUMER.RESET.ops.edge-1`, ""), /consumer/, "it could be asked all the time");
      assert.deepEqual(await kept(), before);
    } finally {
      await there.run(["delete", "namespace", STRANGERS]); // and its NodePort
    }
    await w.ensure("primary", persistent);
    await edgeUp();
    assert.deepEqual(
      complaints(await during(await siteOf(w, ["edge-1"], true), "after a false primary", () => pause(2000))),
      [],
    );
  });
});
