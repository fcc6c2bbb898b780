// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Cluster } from "../../kubernetes/port.ts";
import { certificates } from "../../nats/certificates.ts";
import { type Files, routeFiles } from "../../nats/files.ts";
import { passwordsIn } from "../../nats/readInclude.ts";
import { stepsTo } from "../../nats/steps.ts";
import { assertNoStrangers } from "../../rollout/strangers.ts";
import { place, pods, untouched } from "../harness/fakeClusters.ts";
import { installed } from "../harness/processes/installed.ts";
import { NatsServer } from "../harness/processes/natsServer.ts";
import { siteOf } from "../harness/processes/site.ts";
import { podPorts, routeFilesHere } from "../harness/processes/statefulSet.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION, onEachVersion, serverProgram } from "../harness/processes/versions.ts";
import { complaints, during } from "../scenarios/scenario.ts";

onEachVersion("servers of somebody else", (version) => {
  const stores = version === DEFAULT_VERSION;
  const nats = installed(version, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    edgeReplicas: 3,
    ...(stores ? { primary: { persistence: { enabled: true, size: "1Gi" } } } : {}),
  });
  let folder = "";
  let stolen: Files = {};
  before(async () => {
    // what a server of ours would show: so that it is the password which is judged
    stolen = await routeFilesHere();
    folder = await mkdtemp(join(tmpdir(), "ops-nats-conformance-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A server that calls itself one of a cluster, with accounts and users of its own, while something is done. */
  async function stranger<T>(
    cluster: string,
    login: string,
    act: (server: NatsServer) => Promise<T>,
    files: Files | null = stolen,
  ): Promise<T> {
    const [ports] = await podPorts(1);
    if (!ports) throw new Error("no ports");
    const conf = join(folder, "stranger.conf");
    const routes = nats()
      .cluster(cluster)
      .servers.map((server) => `"nats://${login}127.0.0.1:${server.ports.cluster}"`);
    for (const [key, text] of Object.entries(files ?? {})) await writeFile(join(folder, key), text);
    const tls = files
      ? `tls { cert_file: "${folder}/routes.crt", key_file: "${folder}/routes.key", ca_file: "${folder}/routes-ca.crt" }, `
      : "";
    const user = (name: string) => `users: [{ user: ${name}, password: ${name} }]`;
    await writeFile(
      conf,
      `server_name: ${cluster}.nats-3
host: 127.0.0.1, port: ${ports.client}, http_port: ${ports.monitor}
system_account: SYS
accounts { SYS { ${user("sys")} }, APP { ${user("app")} }, EDGE-edge-1 { ${user("edge")} }, STORE { ${user("store")} } }
cluster { name: ${cluster}, host: 127.0.0.1, port: ${ports.cluster}, ${tls}${stores ? "pool_size: -1, " : ""}routes: [${routes.join(", ")}] }
`,
    );
    const server = new NatsServer(await serverProgram(version), "stranger", conf, ports);
    try {
      await server.start();
      return await act(server);
    } finally {
      await server.kill();
    }
  }

  /** What a client of the stranger is shown of an event of the edge, within three seconds of it. */
  async function overheard(server: NatsServer): Promise<readonly string[]> {
    const heard: string[] = [];
    const connections: NatsConnection[] = [];
    for (const user of ["app", "edge", "store"]) {
      const client = await connect({ servers: `127.0.0.1:${server.ports.client}`, user, pass: user, timeout: 5000 });
      connections.push(client);
      client.subscribe(">", { callback: (_, { subject }) => void heard.push(`${user}: ${subject}`) });
      await client.flush();
    }
    const edge = await nats().connect(nats().server("edge-1"), nats().login("edge-1"));
    for (let i = 0; i < 30; i++) {
      edge.publish("ops.clusters.edge-1.secret");
      await pause(100);
    }
    await Promise.all(connections.map((client) => client.close()));
    return heard.filter((line) => line.includes("secret"));
  }

  const passwords = (cluster: string) => passwordsIn(nats().deployedOf(cluster).include);

  for (const cluster of ["primary", "edge-1"]) {
    for (const [what, login] of [
      ["no password", () => ""],
      ["another password", () => "_route:guess@"],
      ["a user's password", () => `app:${passwords(cluster).app}@`],
    ] as const) {
      it(`do not join ${cluster} with ${what}, hear nothing, and disturb nobody`, async () => {
        await stranger(cluster, login(), async (server) => {
          assert.deepEqual(await overheard(server), []);
          assert.match(server.log, /Authorization Violation/);
          // what it takes for a route itself, 2.10 lists until it is told
          for (const own of nats().cluster(cluster).servers) {
            assert.equal(await own.peers(), 2, own.name);
            assert.match(own.log, /authentication error/);
          }
        });
      });
    }
  }

  for (const [what, files] of [
    ["no certificate", async () => null],
    [
      "a certificate that another CA has signed",
      async () => routeFiles(await certificates("another root key", "routes", ["127.0.0.1"])),
    ],
  ] as const) {
    it(`do not join with the right password and ${what}`, async () => {
      const { _route: route } = passwords("primary");
      const given = await files();
      await stranger(
        "primary",
        `_route:${route}@`,
        async (server) => {
          assert.deepEqual(await overheard(server), []);
          for (const own of nats().cluster("primary").servers) {
            assert.equal(await own.peers(), 2, own.name);
            assert.match(own.log, /TLS route handshake error/);
          }
        },
        given,
      );
    });
  }

  it("would join with the right one, as a control", async () => {
    const { _route: route } = passwords("primary");
    await stranger("primary", `_route:${route}@`, async (server) => {
      await until("it to have joined", async () => (await server.peers()) >= 3);
      assert.notDeepEqual(await overheard(server), []);
    });
  });

  it("find the password nowhere but in the Secret", async () => {
    for (const cluster of ["primary", "edge-1"]) {
      const { _route: route = assert.fail() } = passwords(cluster);
      const set = nats().cluster(cluster);
      for (const [i, server] of set.servers.entries()) {
        const pages = await Promise.all(["varz", "routez", "connz?auth=1"].map((page) => server.page(page)));
        const conf = await readFile(set.confFile(i), "utf8");
        for (const text of [...pages, conf, server.log]) assert.ok(!text.includes(route), `${cluster} ${i}`);
        assert.ok(pages[1]?.includes("rid"), "it has routes");
      }
    }
  });

  describe("and another password for ours", () => {
    /** The servers of a cluster as the program sees those of a release. */
    const seen = (cluster: string): Cluster => ({
      ...untouched,
      serverPods: async () =>
        pods(
          ...nats()
            .cluster(cluster)
            .servers.map((_, i) => String(i)),
        ),
      serverRoutes: async (_, pod) => {
        const text = await nats().cluster(cluster).servers[Number(pod)]?.page("routez");
        const { server_id: id, routes } = JSON.parse(text ?? "{}") as {
          server_id: string;
          routes?: { remote_id: string; ip: string; port: number }[];
        };
        return { id, peers: (routes ?? []).map((one) => ({ id: one.remote_id, address: `${one.ip}:${one.port}` })) };
      },
    });
    const strangers = (cluster: string) => assertNoStrangers(place(seen(cluster)), { seconds: 3, pause: 0.5 });
    /** What servers run one after the other, the last with another password. */
    const change = (include: string, route: string) => {
      const next = include.replaceAll(route, [...route].reverse().join(""));
      return [...stepsTo(include, next).map((step) => step.include), next];
    };

    for (const cluster of ["primary", "edge-1"]) {
      it(`of ${cluster}, taken in steps while events flow: none is lost, and no log has it`, async () => {
        const set = nats().cluster(cluster);
        const { include } = nats().deployedOf(cluster);
        const { _route: route = assert.fail() } = passwords(cluster);
        const steps = change(include, route);
        assert.equal(steps.length, 3);
        const load = { steady: 300, each: 10, size: 300 };
        const outcomes = await during(
          siteOf(nats(), ["edge-1"], stores),
          `another password between the servers of ${cluster}`,
          async () => {
            for (const step of steps) {
              await set.mount(step);
              await set.reload();
              await pause(2000); // longer than servers are apart when the kubelet refreshes a Secret
            }
          },
          { load },
        );
        if (stores) assert.deepEqual(complaints(outcomes), []);
        for (const { cluster: where, sent, stored, unheard } of outcomes) {
          if (stores) assert.ok(stored >= sent * 0.99, `${where}: ${stored} of ${sent}`);
          // servers dial each other anew with each of three steps, in two seconds at most
          assert.ok(unheard <= 6 * (load.steady + load.each), `${where}: ${unheard} of ${sent} were not heard live`);
        }
        for (const server of set.servers) {
          await until(`${server.name}'s peers`, async () => (await server.peers()) === 2);
          assert.ok(!server.log.includes([...route].reverse().join("")), server.name);
        }
        await strangers(cluster);
        await stranger(cluster, `_route:${route}@`, async (server) => {
          await until("it to be refused", () => /Authorization Violation/.test(server.log));
          for (const own of set.servers) assert.equal(await own.peers(), 2, own.name);
        });
        await set.mount(include);
        await set.reload();
        for (const server of set.servers)
          await until(`${server.name}'s peers`, async () => (await server.peers()) === 2);
      });
    }

    it("taken while one of somebody else joins: it stays, and is found", async () => {
      const set = nats().cluster("primary");
      const { include } = nats().deployedOf("primary");
      const { _route: route = assert.fail() } = passwords("primary");
      const [open = "", ...rest] = change(include, route);
      await set.mount(open);
      await set.reload();
      await stranger("primary", "", async (server) => {
        await until("it to have joined", async () => (await server.peers()) >= 3);
        for (const step of rest) {
          await set.mount(step);
          await set.reload();
          await pause(2000);
        }
        const known = await Promise.all(set.servers.map((own) => own.peers()));
        // servers that were told of it have dialled it: such a route nobody asks for a password again
        assert.ok(
          known.some((peers) => peers > 2),
          `${known}`,
        );
        await assert.rejects(strangers("primary"), /expected no others in their cluster; came routes to 127\.0\.0\.1/);
      });
    });
  });
});
