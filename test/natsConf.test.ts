// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { edgeConf, eventSubjects, primaryConf } from "../components/natsConf.ts";

// What the text means to a server is judged by servers: test/conformance. Here: what must and must not be in it.
describe("include file", () => {
  const logins = { admin: { user: "admin", password: "pw-admin" }, app: { user: "app", password: "pw-app" } };
  const leaf = (user: string, receive: string[] = []) => ({
    user,
    password: `pw-${user}`,
    publish: eventSubjects(user),
    receive,
  });

  it("of a primary has each password once, and every import once although all edges share the notifications", () => {
    const text = primaryConf(logins, [leaf("edge-1"), leaf("edge-2")], false);
    for (const password of ["pw-admin", "pw-app", "pw-edge-1", "pw-edge-2"]) {
      assert.equal(text.split(`"${password}"`).length - 1, 1, password);
    }
    assert.equal(text.split('{ stream: { account: EVENTS, subject: "ops.notifications.>" } }').length - 1, 1);
    assert.ok(!text.includes("jetstream"));
  });

  it("of a primary with persistence gives JetStream to APP", () => {
    assert.match(primaryConf(logins, [], true), /APP \{\n {4}jetstream: enabled/);
  });

  it("lets an edge receive nothing by an allow list, never by a deny list", () => {
    const text = primaryConf(logins, [leaf("edge-1"), leaf("edge-2", ["commands.>"])], false);
    assert.ok(!text.includes("deny"));
    assert.ok(text.includes('subscribe: { allow: ["_none_"] }'));
    assert.ok(text.includes('subscribe: { allow: ["commands.>"] }'));
  });

  it("of an edge has one remote with all addresses, the login percent-encoded in each", () => {
    const remote = {
      urls: ["nats-leaf://a:32222", "nats-leaf://[2001:db8::1]:32222"],
      user: "edge-1",
      password: "p@/:",
    };
    const text = edgeConf(logins, remote);
    assert.ok(
      text.includes(
        'urls: ["nats-leaf://edge-1:p%40%2F%3A@a:32222", "nats-leaf://edge-1:p%40%2F%3A@[2001:db8::1]:32222"]',
      ),
    );
    assert.equal(text.split("account: APP").length - 1, 1);
  });

  it("quotes what would be taken for another type", () => {
    const odd = { ...logins, app: { user: "app", password: '4e2"x' } };
    assert.ok(primaryConf(odd, [], false).includes('password: "4e2\\"x"'));
  });
});
