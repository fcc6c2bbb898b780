// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { audible, Heard, newTag, notHeard } from "../harness/processes/heard.ts";
import { installed } from "../harness/processes/installed.ts";
import { RawLeaf } from "../harness/processes/rawLeaf.ts";
import { until } from "../harness/processes/until.ts";
import { onEachVersion } from "../harness/processes/versions.ts";

const OWN = "ops.clusters.edge-1.x";
const OTHERS = "ops.clusters.edge-2.x";

onEachVersion("who an edge can speak for", (version) => {
  const nats = installed(version, { listed: ["edge-1", "edge-2"], edges: ["edge-1", "edge-2"] });
  const subjects = [OTHERS, "ops.clusters.*.x", "ops.>", ">"];

  async function atPrimary(): Promise<readonly Heard[]> {
    const connections = await Promise.all(
      nats()
        .cluster("primary")
        .servers.map((server) => nats().client(server)),
    );
    return Promise.all(connections.flatMap((connection) => subjects.map((subject) => Heard.on(connection, subject))));
  }

  it("with an honest server: itself, nobody else", async () => {
    const listeners = await atPrimary();
    const edge1 = await nats().client(nats().server("edge-1"));
    await audible(await nats().client(nats().server("edge-2")), OTHERS, listeners);
    const wild = listeners.filter((l) => l.subject !== OTHERS);
    for (const refused of [OTHERS, "ops.clusters.primary.x", "ops.x", "x"]) await notHeard(edge1, refused, OWN, wild);
    const bad = listeners.flatMap((l) => l.events).filter((event) => event.startsWith("error"));
    assert.deepEqual(bad, []);
    for (const l of listeners.filter(({ subject }) => subject === OTHERS)) {
      assert.ok(!l.events.some((event) => event.endsWith(` ${OTHERS}`)), "the literal subscriber heard it");
    }
  });

  // servers before 2.14 do not look at what a leaf says: there it is the edge's own account that lets nothing else out
  it("with a server of an attacker: itself, nobody else", async () => {
    const listeners = await atPrimary();
    const wild = listeners.filter((l) => l.subject !== OTHERS);
    const tag = newTag();
    const has = (subject: string, at: readonly Heard[]) => at.filter((l) => l.has(`${tag} ${subject}`)).length;
    const lies = ["ops.clusters.primary.x", "ops.x", "x", OTHERS];
    // from 2.14 on a server ends the link of who is refused, with what that said later: so each lie has a link of its own, and so has what is to be heard
    for (const [i, subject] of [OWN, ...lies, OWN].entries()) {
      const raw = await RawLeaf.connect(nats().nodePort.port, `raw-${i}`, nats().deployed.link("edge-1"));
      assert.equal(await raw.accepted(), true);
      const text = subject === OWN ? `control ${i}` : subject;
      raw.publish(subject, `${tag} ${text}`);
      if (subject === OWN) {
        const all = () => has(text, wild) === wild.length;
        await until(`${text} at all wildcard subscribers`, all, () => [raw.errors, raw.closed, has(text, wild)]);
      } else await raw.accepted(); // or it was closed: what it said was looked at
      raw.close();
    }
    for (const subject of lies) assert.equal(has(subject, wild), 0, subject);
    assert.equal(has(OTHERS, listeners), 0);
  });

  // NATS takes what follows an @ in the reply of a leaf's message for the subject to show (client.go, jsAckDeliverIdx): its own
  // way to carry what streams deliver. No setting stops it; with persistence it does not reach anybody (hostileStore.test.ts).
  it("with a server of an attacker: to whom an event goes is checked, but not the subject that wildcard subscribers are shown", async () => {
    const shown: string[] = [];
    // of each server: on 2.10.20 it is shown to some, by where the link ends
    for (const server of nats().cluster("primary").servers) {
      const connection = await nats().client(server);
      for (const subject of ["ops.>", OTHERS])
        connection.subscribe(subject, { callback: (_, message) => void shown.push(`${subject}: ${message.subject}`) });
      await connection.flush();
    }
    const raw = await RawLeaf.connect(nats().nodePort.port, "raw-lie", nats().deployed.link("edge-1"));
    assert.equal(await raw.accepted(), true);
    await until("the lie at a wildcard subscriber", () => {
      raw.publish(OWN, "lie", `$JS.ACK.a.b.1.1.1.1.1@${OTHERS}`);
      return shown.includes(`ops.>: ${OTHERS}`);
    });
    assert.ok(
      !shown.some((line) => line.startsWith(`${OTHERS}:`)),
      "a subscriber of the other's subject has not got it",
    );
    raw.close();
  });
});
