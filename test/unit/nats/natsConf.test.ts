// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { EDGE_LIMITS } from "../../../config/schema.ts";
import { checkNames } from "../../../nats/clusterNames.ts";
import { edgeConf, primaryConf } from "../../../nats/natsConf.ts";
import { eventSubjects } from "../../../nats/subjects.ts";

// What the text means to a server is judged by servers: test/conformance. Here: what must and must not be in it.
describe("include file", () => {
  const logins = { admin: { user: "admin", password: "pw-admin" }, app: { user: "app", password: "pw-app" } };
  const leaf = (user: string, receive: string[] = [], stored = true) => ({
    user,
    nkey: `U${user}`,
    publish: eventSubjects(user),
    receive,
    stored,
  });
  const store = { controller: { user: "controller", password: "pw-controller" } };
  const times = (text: string, part: string) => text.split(part).length - 1;
  /** The text of one account. */
  const account = (text: string, name: string) => text.split(`\n  ${name} {`)[1]?.split("\n  }")[0] ?? "";

  /** The line of an edge's account. */
  const edge = (text: string, name: string) => new RegExp(`^  "EDGE-${name}" (.*)$`, "m").exec(text)?.[1] ?? "";

  it("of a primary has each password and each edge's public key once, and an account for each edge", () => {
    const text = primaryConf(logins, [leaf("edge-1"), leaf("edge-2")], EDGE_LIMITS);
    for (const secret of ['"pw-admin"', '"pw-app"', "nkey: Uedge-1", "nkey: Uedge-2"]) {
      assert.equal(times(text, secret), 1, secret);
    }
    for (const name of ["edge-1", "edge-2"]) {
      assert.match(edge(text, name), /^\{ limits: \$EDGE_LIMITS, /);
      for (const subject of eventSubjects(name)) {
        assert.ok(edge(text, name).includes(`{ stream: "${subject}" }`), subject);
        assert.ok(account(text, "APP").includes(`{ stream: { account: "EDGE-${name}", subject: "${subject}" } }`));
      }
    }
    assert.ok(!text.includes("jetstream") && !text.includes("STORE"));
    assert.match(text, /^EDGE_LIMITS: \{ max_leafnodes: 20, max_subscriptions: 1000 \}$/m);
  });

  it("of a primary limits an edge's events only where that is asked for, and defines no variable that nobody uses", () => {
    const limits = { links: 3, subscriptions: 7, payload: 65_536, underWay: 250 };
    const text = primaryConf(logins, [leaf("edge-1", [], false)], limits, store);
    assert.match(text, /^EDGE_LIMITS: \{ max_leafnodes: 3, max_subscriptions: 7, max_payload: 65536 \}$/m);
    assert.doesNotMatch(text, /EDGE_FETCHED/);
    assert.doesNotMatch(primaryConf(logins, [], limits, store), /EDGE_/);
  });

  it("of a primary with persistence: an edge shares nothing with another, and all but STORE's imports stays the same", () => {
    const [few, many] = [["edge-1"], ["edge-1", "edge-2", "edge-3"]].map((names) =>
      primaryConf(
        logins,
        names.map((name) => leaf(name)),
        EDGE_LIMITS,
        store,
      ),
    );
    assert.ok(few && many);
    for (const name of ["APP", "NOLEAF"]) assert.equal(account(few, name), account(many, name), name);
    assert.equal(edge(few, "edge-1"), edge(many, "edge-1"));
    assert.notEqual(edge(few, "edge-1"), "");
    assert.ok(!edge(many, "edge-1").includes("edge-2"));
    assert.equal(times(account(many, "STORE"), '"EDGE-edge-2"'), 3);
    assert.match(account(few, "STORE"), /jetstream: enabled/);
    assert.ok(account(few, "APP").length > 100);
    assert.equal(times(many, '"pw-controller"'), 1);
  });

  it("of a primary with a thousand edges of names of 24 letters fits into a Secret", () => {
    const edges = Array.from({ length: 1000 }, (_, i) => leaf(`${"x".repeat(20)}${1000 + i}`));
    assert.ok(primaryConf(logins, edges, EDGE_LIMITS, store).length < 1_000_000);
  });

  it("lets an edge that stores publish what it hands up and answers, and no event", () => {
    const text = primaryConf(logins, [leaf("edge-1"), leaf("edge-2", [], false)], EDGE_LIMITS, store);
    assert.match(edge(text, "edge-1"), /publish: \["up.edge-1.>", "_R_.>"\]/);
    assert.match(edge(text, "edge-2"), /publish: \["ops.clusters.edge-2.>", "ops.notifications.>"\]/);
  });

  it("lets app read ops, and not change it", () => {
    const text = account(primaryConf(logins, [leaf("edge-1")], EDGE_LIMITS, store), "APP");
    assert.match(text, /"\$JS.API.STREAM.INFO.ops"/);
    assert.doesNotMatch(text, /STREAM\.(CREATE|UPDATE|DELETE|PURGE)|\$JS\.API\.>/);
  });

  it("lets an edge receive nothing by an allow list, never by a deny list", () => {
    const text = primaryConf(logins, [leaf("edge-1"), leaf("edge-2", ["commands.>"])], EDGE_LIMITS);
    assert.ok(!text.includes("deny"));
    assert.ok(text.includes('subscribe: ["_none_"]'));
    assert.ok(text.includes('subscribe: ["commands.>"]'));
  });

  const naming = (accepted: string[] = [], more: { publish?: string[]; receive?: string[] } = {}) => ({
    names: { edge: "edge-1", accepted, publish: eventSubjects("edge-1"), receive: [], ...more },
    watch: { user: "watch", password: "pw-watch" },
  });
  const remote = { urls: ["tls://a:32222"], seed: "SUseed", ca: "PEM" };

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

  it("of an edge has one remote with all addresses, its key, and the CA by which it knows the primary", () => {
    const urls = ["tls://a:32222", "tls://[2001:db8::1]:32222"];
    const text = edgeConf(logins, { ...remote, urls }, false, naming());
    assert.ok(text.includes('urls: ["tls://a:32222", "tls://[2001:db8::1]:32222"]'));
    assert.match(text, /nkey: SUseed$/m);
    assert.match(text, /tls \{\n +ca_file: "\/etc\/nats-auth\/leafs-ca.crt"\n +timeout: 10\n +\}/);
    assert.equal(times(text, 'account: "APP"'), 1);
    assert.ok(!text.includes("jetstream"));
    assert.match(edgeConf(logins, remote, true, naming()), /APP \{ jetstream: enabled/);
  });

  it("of an edge asks for TLS where the primary has it, by its image's own CAs where that names none", () => {
    const open = edgeConf(logins, { ...remote, ca: "" }, false, naming());
    assert.match(open, /tls \{\n +timeout: 10\n +\}/);
    const plain = edgeConf(logins, { ...remote, urls: ["nats-leaf://a:32222"] }, false, naming());
    assert.doesNotMatch(plain, /tls/);
  });

  it("changes with what lies beside it", () => {
    const files = { "a.crt": "one", "b.crt": "two" };
    const conf = (more?: object) => edgeConf({ ...logins, ...more }, remote, false, naming());
    assert.match(conf({ files }), /^# beside it: a\.crt, b\.crt \([0-9a-f]{16}\)$/m);
    assert.notEqual(conf({ files }), conf({ files: { ...files, "b.crt": "three" } }));
    assert.doesNotMatch(conf(), /beside/);
  });

  it("of an edge has the login to another hub percent-encoded in each address", () => {
    const hub = {
      account: "APP",
      urls: ["nats-leaf://h:1", "tls://[2001:db8::1]:2"],
      user: "edge-1",
      password: "p@/:",
    };
    const text = edgeConf(logins, remote, false, naming(), { accounts: {}, remotes: [hub], listens: false });
    assert.ok(
      text.includes('urls: ["nats-leaf://edge-1:p%40%2F%3A@h:1", "tls://edge-1:p%40%2F%3A@[2001:db8::1]:2"]'),
      text,
    );
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
    assert.ok(primaryConf(odd, [], EDGE_LIMITS).includes('password: "4e2\\"x"'));
  });
});
