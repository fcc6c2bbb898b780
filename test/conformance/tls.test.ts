// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect as encrypt, type PeerCertificate } from "node:tls";
import { certificates, EPOCHS } from "../../nats/certificates.ts";
import type { EdgeLink } from "../../nats/edgeLogin.ts";
import { leafFiles } from "../../nats/files.ts";
import { deployEdge } from "../harness/processes/deployed.ts";
import { Heard, heardOnce } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import type { NatsServer } from "../harness/processes/natsServer.ts";
import { podPorts, StatefulSet } from "../harness/processes/statefulSet.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION, onEachVersion, serverProgram } from "../harness/processes/versions.ts";

const HOSTS = ["127.0.0.1"];
/** What mocks make of the primary's root key. */
const ROOT = "password-of-nats-root";
const DAY = 86_400_000;

/** What who dials a leaf port is shown, after the greeting in plain text. */
async function shown(port: number): Promise<PeerCertificate> {
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve) => socket.once("data", resolve));
  const secure = encrypt({ socket, rejectUnauthorized: false });
  secure.on("error", () => {});
  await new Promise((resolve) => secure.once("secureConnect", resolve));
  const certificate = secure.getPeerCertificate();
  secure.destroy();
  return certificate;
}

const untilLinked = (server: NatsServer) =>
  until(
    `the link of ${server.name}`,
    async () => (await server.leafs()).length === 1,
    () => server.log.slice(-2000),
    30,
  );

onEachVersion("an encrypted link", (version) => {
  const images = { nats: { tag: `${version}-alpine` } };
  const nats = installed(version, { listed: ["edge-1", "edge-2"], edges: ["edge-1"] });
  const sets: StatefulSet[] = [];
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "ops-nats-conformance-"));
  });
  after(async () => {
    await Promise.all(sets.map((set) => set.kill()));
    await rm(folder, { recursive: true, force: true });
  });

  /** An edge that takes the link as it is given, and its log. */
  async function edge(link: EdgeLink, name = `edge-${sets.length + 2}`) {
    const deployed = await deployEdge(name, link, { images });
    const set = new StatefulSet(await serverProgram(version), name, join(folder, name), await podPorts(1));
    sets.push(set);
    await set.write(deployed);
    await set.start();
    const [server = assert.fail()] = set.servers;
    return { set, server };
  }

  /** Gives the primary's servers other certificates, as a later `up` would. */
  async function show(moment: number): Promise<string> {
    const made = await certificates(ROOT, "leafs", HOSTS, moment);
    const set = nats().cluster("primary");
    const { include, files } = nats().deployed;
    await set.mount(include, { ...files, ...leafFiles(made) });
    await set.reload();
    return made.authorities;
  }

  it("carries an event, and shows a certificate of the CA of leafs, for the host", async () => {
    const primary = await nats().client(nats().server("primary"));
    const listener = await Heard.on(primary, "ops.>");
    await heardOnce(await nats().connect(nats().server("edge-1"), nats().login("edge-1")), "ops.clusters.edge-1.x", [
      listener,
    ]);
    const { issuer, subjectaltname } = await shown(nats().nodePort.port);
    assert.match(String(issuer.CN), /^ops-nats CA of leafs \d+$/);
    assert.equal(subjectaltname, "IP Address:127.0.0.1");
  });

  const link = () => ({ ...nats().deployed.link("edge-2"), store: undefined });
  const later = EPOCHS.authority.renewed * DAY;
  const refusals: readonly (readonly [what: string, change: () => Promise<Partial<EdgeLink>>, log: RegExp])[] = [
    [
      "a server whose certificate another CA has signed",
      async () => ({ ca: (await certificates("another root key", "leafs", HOSTS)).authorities }),
      /unknown authority/,
    ],
    [
      "a server whose certificate is for another name",
      async () => ({
        urls: nats()
          .deployed.link("edge-2")
          .urls.map((url) => url.replace("127.0.0.1", "localhost")),
      }),
      /certificate is (?:not )?valid for|doesn't contain any|cannot validate/,
    ],
    [
      "a server whose certificate is signed by who signs for routes",
      async () => ({ ca: (await certificates(ROOT, "routes", HOSTS)).authorities }),
      /unknown authority/,
    ],
    ["a server whose certificate has expired", async () => ({ ca: await show(Date.now() - later) }), /expired/],
    [
      "a server whose certificate is not valid yet",
      async () => ({ ca: await show(Date.now() + later) }),
      /not yet valid/,
    ],
  ];
  for (const [what, change, log] of refusals) {
    it(`is not made with ${what}; the edge says so`, async () => {
      const { set, server } = await edge({ ...link(), ...(await change()) });
      try {
        await until(
          "the edge to say so",
          () => log.test(server.log),
          () => server.log.slice(-2000),
          30,
        );
        assert.deepEqual(await server.leafs(), []);
      } finally {
        await set.kill();
        await show(Date.now());
      }
    });
  }

  it("is made with the right one, as a control", async () => {
    const { set, server } = await edge(link());
    await untilLinked(server);
    await set.kill();
  });

  it("is no plain one: neither an edge nor a raw client gets in without TLS", async () => {
    const { set, server } = await edge({
      ...link(),
      urls: link().urls.map((url) => url.replace("tls:", "nats-leaf:")),
      ca: "",
    });
    await pause(3000);
    assert.deepEqual(await server.leafs(), []);
    await set.kill();
    const plain = connect(nats().nodePort.port, "127.0.0.1");
    let said = "";
    plain.on("data", (data) => {
      said += data;
      if (said.includes("INFO")) plain.write('CONNECT {"name":"x"}\r\nPING\r\n');
    });
    plain.on("error", () => {});
    await new Promise((resolve) => plain.once("close", resolve));
    assert.ok(said.startsWith("INFO ") && !said.includes("PONG"), said);
  });

  it("stands while the primary shows another certificate, and is made anew with that", async () => {
    await nats().linked("edge-1");
    const server = nats().server("edge-1");
    const [before, first] = [await server.leafs(), await shown(nats().nodePort.port)];
    const set = nats().cluster("primary");
    const { include, files } = nats().deployed;
    const made = await certificates(ROOT, "leafs", [...HOSTS, "another.example"]);
    await set.mount(include, { ...files, ...leafFiles(made) });
    await set.reload();
    assert.notEqual((await shown(nats().nodePort.port)).fingerprint256, first.fingerprint256);
    assert.deepEqual(
      (await server.leafs()).map(({ ip, port }) => [ip, port]),
      before.map(({ ip, port }) => [ip, port]),
    );
    await nats().nodePort.broken(() => pause(100), "reset");
    await nats().linked("edge-1");
    await show(Date.now());
  });

  it("is kept by all edges that were given the next CA, while the one that was away is not let in", async function () {
    if (version !== DEFAULT_VERSION) return this.skip();
    const names = Array.from({ length: 20 }, (_, i) => `site-${i}`);
    const [away = "", ...there] = names;
    await nats().list(["edge-1", ...names]);
    const former = nats().deployed.ca;
    const next = await certificates("the next root key", "leafs", HOSTS);
    const linkOf = (name: string, ca: string): EdgeLink => ({ ...nats().deployed.link(name), store: undefined, ca });
    const edges: Awaited<ReturnType<typeof edge>>[] = [];
    for (const name of there) edges.push(await edge(linkOf(name, `${former}${next.authorities}`), name));
    const late = await edge(linkOf(away, former), away);
    for (const one of [...edges, late]) await untilLinked(one.server);
    const set = nats().cluster("primary");
    const { include, files } = nats().deployed;
    await set.mount(include, { ...files, ...leafFiles(next) });
    await set.reload();
    await nats().nodePort.broken(() => pause(100), "reset");
    for (const one of edges) await untilLinked(one.server);
    await until(
      "the late one to say why",
      () => /unknown authority/.test(late.server.log),
      () => late.server.log,
      30,
    );
    assert.deepEqual(await late.server.leafs(), []);
    await Promise.all([...edges, late].map((one) => one.set.kill()));
    await show(Date.now());
    await nats().list(["edge-1", "edge-2"]);
    await nats().linked("edge-1");
  });

  it("goes on from a plain one by itself: the primary asks for TLS, and edges that were told its CA give it", async () => {
    await nats().list(["edge-1", "edge-2"], undefined, { tls: { enabled: false } });
    const plain = nats().deployed;
    assert.ok(plain.link("edge-2").urls.every((url) => url.startsWith("nats-leaf:")));
    const set = nats().cluster("primary");
    await set.write(plain);
    await set.restart();
    const { server, set: own } = await edge({ ...plain.link("edge-2"), store: undefined }, "edge-2");
    await untilLinked(server);
    await nats().list(["edge-1", "edge-2"]);
    await set.write(nats().deployed);
    await set.restart();
    await untilLinked(server);
    assert.ok((await shown(nats().nodePort.port)).subject.CN, "the primary has TLS");
    // then the edge asks for it, whoever is at the other end
    const strict = await deployEdge("edge-2", { ...nats().deployed.link("edge-2"), store: undefined }, { images });
    await own.write(strict);
    await own.restart();
    await untilLinked(server);
  });
});
