// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { EDGE_LIMITS } from "../../config/schema.ts";
import type { Remote } from "../../nats/edgeLogin.ts";
import { edgeConf, primaryConf } from "../../nats/natsConf.ts";
import { edgeNkey } from "../../nats/nkeys.ts";
import type { LeafUser, ServerLogins } from "../../nats/users.ts";
import { deployEdge } from "../harness/processes/deployed.ts";
import { installed } from "../harness/processes/installed.ts";
import type { NatsServer } from "../harness/processes/natsServer.ts";
import { podPorts, StatefulSet } from "../harness/processes/statefulSet.ts";
import { until } from "../harness/processes/until.ts";
import { onEachVersion, serverProgram } from "../harness/processes/versions.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** As components/credentials.ts has them made: 32 letters and digits. */
const random = (start = ""): string =>
  start + Array.from({ length: 32 - start.length }, () => LETTERS[randomInt(LETTERS.length)]).join("");

/** What nats.conf takes for a number, a size, a date or a truth when it is not in quotes. */
const TRAPS = ["4e2", "1k", "0x1f", "7", "12345678901234567890123456789012", "1e5", "true", "1gb", "10s", "00", "5m"];
const STARTS = ["4e2", "1k", "0x", "0", "9", "1m", "2E9", "true", "7G"];
const HARD = [...TRAPS, ...STARTS.map(random)];
const PASSWORDS = [...HARD, ...Array.from({ length: 80 }, () => random())];

onEachVersion(`${PASSWORDS.length} passwords, digits first and numbers among them`, (version) => {
  const images = { nats: { tag: `${version}-alpine` } };
  const name = (i: number) => `edge-${i}`;
  const leaf = (password: string, i: number): LeafUser => ({
    user: name(i),
    nkey: edgeNkey(password, name(i)).publicKey,
    publish: [`ops.${i}`],
    receive: [],
    stored: false,
  });
  const own = (password: string): ServerLogins => ({
    admin: { user: "admin", password },
    app: { user: "app", password },
  });
  const nats = installed(version, { listed: [], edges: [], primary: { replicas: 1 } });
  const edges: StatefulSet[] = [];
  let folder = "";
  let program = "";

  before("find nats-server", async () => {
    program = await serverProgram(version);
    folder = await mkdtemp(join(tmpdir(), "ops-nats-conformance-"));
  });
  after("take edges down", async () => {
    await Promise.all(edges.map((edge) => edge.kill()));
    await rm(folder, { recursive: true, force: true });
  });

  /** The files of an edge whose passwords are the same, the one from which its key is made among them. */
  async function edge(password: string, i: number): Promise<StatefulSet> {
    const { ca } = nats().deployed;
    const { seed } = edgeNkey(password, name(i));
    const remote: Remote = { urls: [`tls://127.0.0.1:${nats().nodePort.port}`], seed, ca };
    const { config, env, files } = await deployEdge(
      name(i),
      { ...remote, store: undefined, publish: [], receive: [] },
      { images },
    );
    const logins = own(password);
    const names = { edge: name(i), accepted: [], publish: [], receive: [] };
    const naming = { names, watch: { user: "watch", password } };
    const set = new StatefulSet(program, name(i), join(folder, name(i)), await podPorts(1));
    await set.write({
      config,
      env,
      files,
      include: edgeConf(logins, remote, false, naming),
      logins,
      controller: { files: {}, login: undefined, watch: undefined },
    });
    return set;
  }

  async function logIn({ ports }: NatsServer, password: string): Promise<void> {
    for (const user of ["app", "admin"]) {
      const login = { user, pass: password, reconnect: false };
      const connection = await connect({ servers: `127.0.0.1:${ports.client}`, ...login });
      await connection.close();
    }
  }

  const reload = async (include: string) => {
    await nats().cluster("primary").mount(include);
    await nats().cluster("primary").reload();
  };

  it("are taken in an edge's files", async () => {
    for (const [i, password] of PASSWORDS.entries()) edges.push(await edge(password, i));
    const [even, odd] = [0, 1].map((start) => edges.filter((_, i) => i % 2 === start));
    const check = async (some: readonly StatefulSet[] = []) => {
      for (const { servers } of some) assert.equal(await servers[0]?.complaint(), undefined);
    };
    await Promise.all([check(even), check(odd)]);
  });

  it("link edges, and log in as app and admin there: the hard ones", async () => {
    await reload(primaryConf(nats().deployed.logins, HARD.map(leaf), EDGE_LIMITS));
    const hard = edges.slice(0, HARD.length);
    assert.equal(hard.length, HARD.length);
    await Promise.all(hard.map((set) => set.start()));
    for (const [i, password] of HARD.entries()) {
      for (const server of hard[i]?.servers ?? []) {
        const linked = async () => (await server.leafs()).length === 1;
        await until(`the link of the edge with password ${password}`, linked, () => server.log);
        await logIn(server, password);
      }
    }
  });

  it("log in as app and admin at the primary: the hard ones", async () => {
    for (const password of HARD) {
      await reload(primaryConf(own(password), [], EDGE_LIMITS));
      await logIn(nats().server("primary"), password);
    }
    await assert.rejects(logIn(nats().server("primary"), "wrong"));
  });
});
