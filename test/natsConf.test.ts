// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { checkNames } from "../components/clusterNames.ts";
import { edgeConf, primaryConf } from "../components/natsConf.ts";
import { eventSubjects } from "../components/subjects.ts";

// What the text means to a server is judged by servers: test/conformance. Here: what must and must not be in it.
describe("include file", () => {
  const logins = { admin: { user: "admin", password: "pw-admin" }, app: { user: "app", password: "pw-app" } };
  const leaf = (user: string, receive: string[] = [], stored = true) => ({
    user,
    password: `pw-${user}`,
    publish: eventSubjects(user),
    receive,
    stored,
  });
  const store = { keeper: { user: "keeper", password: "pw-keeper" } };
  const times = (text: string, part: string) => text.split(part).length - 1;
  /** The text of one account. */
  const account = (text: string, name: string) => text.split(`\n  ${name} {`)[1]?.split("\n  }")[0] ?? "";

  it("of a primary has each password once, and every import once although all edges share the notifications", () => {
    const text = primaryConf(logins, [leaf("edge-1"), leaf("edge-2")]);
    for (const password of ["pw-admin", "pw-app", "pw-edge-1", "pw-edge-2"]) {
      assert.equal(times(text, `"${password}"`), 1, password);
    }
    assert.equal(times(text, '{ stream: { account: EVENTS, subject: "ops.notifications.>" } }'), 1);
    assert.ok(!text.includes("jetstream") && !text.includes("STORE"));
  });

  it("of a primary with persistence: the accounts are the same for every list of edges, and only EVENTS differs", () => {
    const [few, many] = [["edge-1"], ["edge-1", "edge-2", "edge-3"]].map((names) =>
      primaryConf(
        logins,
        names.map((name) => leaf(name)),
        store,
      ),
    );
    assert.ok(few && many);
    for (const name of ["STORE", "APP", "NOLEAF"]) assert.equal(account(few, name), account(many, name), name);
    assert.notEqual(account(few, "EVENTS"), account(many, "EVENTS"));
    assert.match(account(few, "STORE"), /jetstream: enabled/);
    assert.ok(account(few, "APP").length > 100);
    assert.equal(times(many, '"pw-keeper"'), 1);
  });

  it("lets an edge that stores publish what it hands up and answers, and no event", () => {
    const text = account(primaryConf(logins, [leaf("edge-1"), leaf("edge-2", [], false)], store), "EVENTS");
    assert.match(text, /user: "edge-1".*publish: \{ allow: \["up.edge-1.>", "_R_.>"\] \}/);
    assert.match(text, /user: "edge-2".*publish: \{ allow: \["ops.clusters.edge-2.>", "ops.notifications.>"\] \}/);
  });

  it("lets app read ops, and not change it", () => {
    const text = account(primaryConf(logins, [leaf("edge-1")], store), "APP");
    assert.match(text, /"\$JS.API.STREAM.INFO.ops"/);
    assert.doesNotMatch(text, /STREAM\.(CREATE|UPDATE|DELETE|PURGE)|\$JS\.API\.>/);
  });

  it("lets an edge receive nothing by an allow list, never by a deny list", () => {
    const text = primaryConf(logins, [leaf("edge-1"), leaf("edge-2", ["commands.>"])]);
    assert.ok(!text.includes("deny"));
    assert.ok(text.includes('subscribe: { allow: ["_none_"] }'));
    assert.ok(text.includes('subscribe: { allow: ["commands.>"] }'));
  });

  const naming = (accepted: string[] = [], more: { publish?: string[]; receive?: string[] } = {}) => ({
    names: { edge: "edge-1", accepted, publish: eventSubjects("edge-1"), receive: [], ...more },
    watch: { user: "watch", password: "pw-watch" },
  });
  const remote = { urls: ["nats-leaf://a:32222"], user: "edge-1", password: "p" };

  it("of an edge files accepted names under its own, and no others", () => {
    assert.ok(!edgeConf(logins, remote, false, naming()).includes("mappings"));
    const text = edgeConf(logins, remote, false, naming(["default", "prod.eu"]));
    const mapped =
      'mappings: { "ops.clusters.default.>": "ops.clusters.edge-1.>", "ops.clusters.prod.eu.>": "ops.clusters.edge-1.>" }';
    assert.equal(times(text, mapped), 1);
  });

  for (const [what, names, allow, deny] of [
    ["what it carries", {}, "ops.clusters.>", ["ops.clusters.edge-1.>"]],
    [
      "what it may publish for others",
      { publish: ["ops.clusters.edge-1.>", "ops.clusters.site.>", "audit.>"] },
      "ops.clusters.>",
      ["ops.clusters.edge-1.>", "ops.clusters.site.>"],
    ],
    [
      "what it receives, and asks for none of it",
      { receive: ["ops.clusters.primary.>", "commands.>"] },
      "ops.clusters.default.>",
      ["ops.clusters.edge-1.>", "ops.clusters.primary.>"],
    ],
    [
      "all, where all is received",
      { receive: ["ops.clusters.*.x"] },
      "_none_",
      ["ops.clusters.edge-1.>", "ops.clusters.*.x"],
    ],
    [
      "all, where a server would take what it denies for all",
      { publish: ["ops.clusters.*"] },
      "ops.clusters.default.>",
      ["ops.clusters.edge-1.>", "ops.clusters.*"],
    ],
  ] as const) {
    it(`of an edge has a user that counts strays, and leaves out ${what}`, () => {
      const text = edgeConf(logins, remote, false, naming([], { ...(names as object) }));
      const subscribe = `subscribe: { allow: "${allow}", deny: [${deny.map((s) => `"${s}"`).join(", ")}] }`;
      assert.ok(text.includes(`user: "watch", password: "pw-watch", allowed_connection_types: [STANDARD]`));
      assert.ok(text.includes(`permissions: { publish: { deny: ">" }, ${subscribe} }`), text);
    });
  }

  it("refuses an accepted name of which the primary lets events pass", () => {
    const check = (accepted: string[], more: object) => () => checkNames(naming(accepted, more).names, "edge-1");
    const receive = ["ops.clusters.primary.>"];
    check(["default"], { receive })();
    check(["default"], { publish: [...eventSubjects("edge-1"), "ops.clusters.site.>"] })();
    for (const [accepted, more] of [
      [["default", "primary"], { receive }],
      [["default", "site"], { publish: ["ops.clusters.site.>"] }],
    ] as const) {
      assert.throws(check([...accepted], more), {
        message:
          /^ops-nats:acceptClusterNames\[1\] of stack edge-1: expected .*; came (primary|site), .* lists ops.clusters.\1.>; next: pulumi config rm --path .* -s edge-1$/,
      });
    }
  });

  it("of an edge has one remote with all addresses, the login percent-encoded in each", () => {
    const remote = {
      urls: ["nats-leaf://a:32222", "nats-leaf://[2001:db8::1]:32222"],
      user: "edge-1",
      password: "p@/:",
    };
    const text = edgeConf(logins, remote, false, naming());
    assert.ok(
      text.includes(
        'urls: ["nats-leaf://edge-1:p%40%2F%3A@a:32222", "nats-leaf://edge-1:p%40%2F%3A@[2001:db8::1]:32222"]',
      ),
    );
    assert.equal(times(text, 'account: "APP"'), 1);
    assert.ok(!text.includes("jetstream"));
    assert.match(edgeConf(logins, remote, true, naming()), /APP \{ jetstream: enabled/);
  });

  it("of an edge refuses what a primary has no business with, by the edge's name alone; other hubs may do what their account may", () => {
    const hub = { account: "APP", urls: ["nats-leaf://h:1"] };
    const more = { accounts: {}, remotes: [hub], listens: false };
    const text = edgeConf(logins, remote, true, naming(), more);
    assert.equal(times(text, "deny_imports"), 1);
    const refused = /deny_imports: \[(.*)\]/.exec(text)?.[1] ?? "";
    for (const subject of [
      "$SYS.>",
      "$JS.API.>",
      "$JS.ACK.>",
      "$JS.edge-1.API.STREAM.>",
      "$JS.edge-1.API.CONSUMER.DELETE.>",
    ]) {
      assert.ok(refused.includes(`"${subject}"`), subject);
    }
    assert.doesNotMatch(refused, /RESET|PAUSE/);
  });

  it("quotes what would be taken for another type", () => {
    const odd = { ...logins, app: { user: "app", password: '4e2"x' } };
    assert.ok(primaryConf(odd, []).includes('password: "4e2\\"x"'));
  });
});
