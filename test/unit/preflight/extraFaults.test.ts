// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Source } from "../../../config/source.ts";
import { readSettings } from "../../../preflight/settings.ts";
import { faults, hosts, source } from "../../harness/source.ts";

const secret: Partial<Source> = { secretKeys: new Set(["ops-nats:extraAccounts", "ops-nats:extraRemotes"]) };
const account = (...names: string[]) => ({ users: names.map((user) => ({ user, password: "pw-of-somebody" })) });
const urls = ["nats-leaf://hub.example:7422"];

describe("extra accounts and remotes", () => {
  it("are read from secret keys", () => {
    const extraAccounts = { TEAM: account("team-1", "team-2") };
    const extraRemotes = [{ account: "TEAM", urls, user: "u", password: "pw" }, { urls: ["tls://[2001:db8::1]:7422"] }];
    const edge = readSettings(source("edge-1", { extraAccounts, extraRemotes, leafPort: 32222 }, secret));
    assert.deepEqual(edge.extraAccounts, extraAccounts);
    assert.ok(edge.role === "edge");
    assert.deepEqual(edge.extraRemotes, [extraRemotes[0], { account: "APP", urls: ["tls://[2001:db8::1]:7422"] }]);
    assert.equal(edge.leafPort, 32222);
    assert.deepEqual(readSettings(source("primary", { hosts, extraAccounts }, secret)).extraAccounts, extraAccounts);
  });

  const cases: [what: string, stack: string, keys: Record<string, unknown>, fault: RegExp][] = [
    ...["SYS", "APP", "STORE", "NOLEAF", "EDGE-edge-1"].map(
      (name): [string, string, Record<string, unknown>, RegExp] => [
        `the program's own account ${name}`,
        "edge-1",
        { extraAccounts: { [name]: account("x") } },
        new RegExp(`^ops-nats:extraAccounts.${name}: expected another name`),
      ],
    ),
    [
      "an account called $G",
      "edge-1",
      { extraAccounts: { $G: account("x") } },
      /extraAccounts.\$G: expected a name of/,
    ],
    ["an account without users", "edge-1", { extraAccounts: { A: { users: [] } } }, /A.users: expected at least one/],
    ["another key of accounts", "edge-1", { extraAccounts: { A: { ...account("x"), imports: [] } } }, /A.imports/],
    ...["admin", "app", "controller", "_root"].map((user): [string, string, Record<string, unknown>, RegExp] => [
      `the user ${user}`,
      "primary",
      { hosts, edges: ["edge-1"], extraAccounts: { A: account(user) } },
      /^ops-nats:extraAccounts.A.users: expected users that are nobody else's/,
    ]),
    [
      "a user twice",
      "edge-1",
      { extraAccounts: { A: account("x"), B: account("x") } },
      /B.users: expected .*\(one is of A\)/,
    ],
    ["a remote of no account", "edge-1", { extraRemotes: [{ account: "B", urls }] }, /\[0\].account: expected APP, or/],
    [
      "a remote with a login in its URL",
      "edge-1",
      { extraRemotes: [{ urls: ["nats-leaf://u:pw-of-somebody@x:1"] }] },
      /extraRemotes\[0\].urls\[0\]: expected nats-leaf:\/\/host:port, .* without a login; came "\[secret\]"/,
    ],
    ["a remote with a user alone", "edge-1", { extraRemotes: [{ urls, user: "u" }] }, /user and password, or neither/],
    ["a remote at a primary", "primary", { hosts, extraRemotes: [{ urls }] }, /it belongs to edge stacks/],
    [
      "a password that nats.conf cannot hold",
      "edge-1",
      { extraAccounts: { A: { users: [{ user: "a", password: "pw-of-somebody\u0001" }] } } },
      /expected a password: .*; came "\[secret\]"/,
    ],
  ];
  for (const [what, stack, keys, pattern] of cases) {
    it(`refuse ${what}, and show no password`, () => {
      const lines = faults(stack, keys, secret);
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(lines[0] ?? "", pattern);
      assert.doesNotMatch(lines[0] ?? "", /pw-of-somebody/);
    });
  }

  it("have passwords that are stored encrypted, or none", () => {
    const extraRemotes = [{ urls, user: "u", password: "pw-of-somebody" }];
    const lines = faults("edge-1", { extraAccounts: { A: account("x") }, extraRemotes });
    assert.equal(lines.length, 2);
    for (const line of lines) {
      assert.match(line, /expected passwords that are stored encrypted; .*next: pulumi config set --secret --path/);
      assert.doesNotMatch(line, /pw-of-somebody/);
    }
    assert.ok(readSettings(source("edge-1", { extraRemotes: [{ urls }] })));
  });

  it("a secret of another key is not shown either", () => {
    const more = { secretKeys: new Set(["ops-nats:replicas"]) };
    assert.doesNotMatch(faults("edge-1", { replicas: "pw-of-somebody" }, more).join(), /pw-of-somebody/);
  });
});
