// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { installed } from "../harness/processes/installed.ts";
import { RawLeaf } from "../harness/processes/rawLeaf.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION, onEachVersion } from "../harness/processes/versions.ts";

/** As the primary is told to allow. */
const LINKS = 4;
const SUBSCRIPTIONS = 50;

// Who has the login of edge-1 and speaks the protocol without its rules.
onEachVersion("an attacker with the login of one edge", (version) => {
  const stores = version === DEFAULT_VERSION;
  const nats = installed(version, {
    listed: [
      { name: "edge-1", receive: ["wide.>"] },
      { name: "edge-2", receive: ["commands.>"] },
    ],
    edges: ["edge-2"],
    primary: {
      edgeLimits: { links: LINKS, subscriptions: SUBSCRIPTIONS, payload: 100_000 },
      ...(stores ? { persistence: { enabled: true, size: "1Gi" } } : {}),
    },
  });
  const attack = (name: string, claims: object = {}) =>
    RawLeaf.connect(nats().nodePort.port, name, nats().deployed.link("edge-1"), claims);

  /** The links of edge-2, as the primary's servers have them: another connection is another port. */
  async function linksOfEdge2() {
    const pages = await Promise.all(
      nats()
        .cluster("primary")
        .servers.map((server) => server.leafs()),
    );
    return pages.flat().filter(({ account }) => account === "EDGE-edge-2");
  }
  /** Nothing has become of the other edge's link while this was done. */
  async function undisturbed(act: () => Promise<void>): Promise<void> {
    await nats().linked("edge-2");
    const before = (await linksOfEdge2()).map(({ port }) => port);
    assert.equal(before.length, 1);
    const watched = { looks: 0, gone: 0 };
    let done = false;
    const looking = (async () => {
      while (!done) {
        watched.looks++;
        if ((await linksOfEdge2()).length !== 1) watched.gone++;
        await pause(50);
      }
    })();
    await act();
    await pause(2000);
    done = true;
    await looking;
    assert.equal(watched.gone, 0, `linked at ${watched.looks - watched.gone} of ${watched.looks} looks`);
    assert.deepEqual(
      (await linksOfEdge2()).map(({ port }) => port),
      before,
    );
  }

  it("does not evict another by its names: of server, cluster, domain and account", async () => {
    await undisturbed(async () => {
      for (let i = 0; i < 20; i++) {
        const claims = {
          cluster: "edge-2",
          domain: "edge-2",
          remote_account: "APP",
          server_id: "NEDGE2",
          jetstream: stores,
        };
        const leaf = await attack("edge-2.nats-0", claims);
        assert.equal(await leaf.accepted(), true, "the login is taken, and so the attack was made");
        leaf.close();
      }
    });
  });

  it("is told nothing of other links, and does not take one off by its loop subject", async () => {
    const subjects = (await linksOfEdge2()).flatMap(({ subscriptions_list = [] }) => subscriptions_list);
    const loop = subjects.find((subject) => subject.startsWith("$LDS.")) ?? assert.fail(String(subjects));
    await undisturbed(async () => {
      const leaf = await attack("edge-1.nats-0");
      for (let i = 0; i < 5; i++) {
        leaf.subscribe(loop);
        await leaf.accepted();
        await pause(200);
      }
      assert.deepEqual(
        leaf.interest.filter((subject) => subject === loop || subject.includes("edge-2")),
        [],
      );
      leaf.close();
    });
  });

  it(`has ${LINKS} links at a time, over all servers, and takes none of another's`, async () => {
    await undisturbed(async () => {
      const leafs: RawLeaf[] = [];
      for (let i = 0; i < LINKS + 4; i++) leafs.push(await attack(`edge-1.nats-${i}`));
      const accepted = await Promise.all(leafs.map((leaf) => leaf.accepted()));
      assert.equal(accepted.filter(Boolean).length, LINKS);
      for (const leaf of leafs) leaf.close();
    });
    await until("its places to be free", async () => {
      const leaf = await attack("edge-1.nats-0");
      const accepted = await leaf.accepted();
      leaf.close();
      return accepted;
    });
  });

  it(`has ${SUBSCRIPTIONS} subscriptions of a link: further ones are refused`, async () => {
    const leaf = await attack("edge-1.subscriber");
    for (let i = 0; i < SUBSCRIPTIONS + 20; i++) leaf.subscribe(`wide.${i}`);
    assert.equal(await leaf.accepted(), true, leaf.errors.join());
    assert.match(leaf.errors.join(), /maximum subscriptions exceeded/i);
    const pages = await Promise.all(
      nats()
        .cluster("primary")
        .servers.map((server) => server.leafs()),
    );
    const [own, ...more] = pages.flat().filter(({ name }) => name === "edge-1.subscriber");
    assert.equal(more.length, 0);
    assert.ok((own?.subscriptions_list?.length ?? Number.POSITIVE_INFINITY) <= SUBSCRIPTIONS);
    leaf.close();
  });

  it("cannot say more at a time than it is allowed to", async function () {
    if (!stores) return this.skip(); // 2.10 does not look at what leafs say
    const leaf = await attack("edge-1.nats-0");
    leaf.publish("up.edge-1.x", "x".repeat(100_001));
    assert.equal(await leaf.accepted(), false);
    const logs = nats()
      .cluster("primary")
      .servers.map(({ log }) => log);
    assert.match(logs.join(), /maximum payload/i);
  });
});
