// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { PlainError } from "../../lib/plainError.ts";
import type { EdgeLink } from "../../nats/edgeLogin.ts";
import { edgeNkey } from "../../nats/nkeys.ts";
import { type Deployed, deployEdge, deployPrimary } from "../harness/processes/deployed.ts";
import { podPorts, StatefulSet } from "../harness/processes/statefulSet.ts";
import { DEFAULT_VERSION, onEachVersion, serverProgram } from "../harness/processes/versions.ts";
import { faults, hosts } from "../harness/source.ts";

/** So many settings of each kind; on a busy machine as many as these milliseconds allow, but some at least. */
const RUNS = { numRuns: 25 };
const LIMIT = 2500;
const LEAST = 5;

// what a subject may be made of, and what NATS gives a meaning of its own
const sign = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(..."abz09-_") },
  { weight: 2, arbitrary: fc.constantFrom(..."$\\/:;,=#@!?&%+~^|()[]<>\"'`é日🙂") },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
);
const token = fc.oneof(
  { weight: 6, arbitrary: fc.array(sign, { minLength: 1, maxLength: 6 }).map((signs) => signs.join("")) },
  { weight: 1, arbitrary: fc.constantFrom("*", ">", "$1", "_INBOX", "true", "1e3", "include", "{{x}}", "") },
);
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/).filter((label) => label !== "primary");
const user = fc.stringMatching(/^[!-~]{1,12}$/);
const password = fc.stringMatching(/^[ -~]{1,20}$/);
const accounts = fc.dictionary(
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}$/),
  fc.record({ users: fc.array(fc.record({ user, password }), { minLength: 1, maxLength: 2 }) }),
  { maxKeys: 2 },
);
const remote = fc.record({
  urls: fc.constantFrom(["nats-leaf://hub.example:7422"], ["tls://192.0.2.1:1", "nats-leaf://[2001:db8::1]:65535"]),
  user,
  password,
});

onEachVersion("generated settings", (version) => {
  let folder = "";
  let set: StatefulSet;
  const images = { nats: { tag: `${version}-alpine` } };
  let [taken, refused, end] = [0, 0, 0];
  /** Some are to be taken, and some refused. */
  let both = false;

  before("find nats-server", async () => {
    folder = await mkdtemp(join(tmpdir(), "ops-nats-conformance-"));
    set = new StatefulSet(await serverProgram(version), "try", join(folder, "try"), await podPorts(1));
  });
  after("remove files", () => rm(folder, { recursive: true, force: true }));
  beforeEach(() => {
    [taken, refused, end] = [0, 0, Date.now() + LIMIT];
    both = false;
  });

  /** Either the configuration is refused, with faults, or a server takes what is made of it. */
  async function judged(deploy: () => Promise<Deployed>): Promise<void> {
    if (Date.now() > end && taken + refused >= LEAST && (!both || (taken > 0 && refused > 0))) return;
    const deployed = await deploy().catch((error: unknown) => {
      if (!(error instanceof PlainError)) throw error;
      assert.match(error.message, /expected .*; came .*; next: /);
      return undefined;
    });
    if (!deployed) return void refused++;
    taken++;
    await set.write(deployed);
    assert.equal(await set.servers[0]?.complaint(), undefined, deployed.include);
  }

  const common = { images, replicas: 1 };
  const primary = (keys: object) => deployPrimary({ hosts: ["203.0.113.10"], ...common, ...keys });

  it("of one subject: refused, or taken by a server, as publish and as receive", async () => {
    both = true;
    await fc.assert(
      fc.asyncProperty(subject, fc.boolean(), fc.boolean(), async (one, up, stored) => {
        const edges = [{ name: "edge-1", [up ? "publish" : "receive"]: [one] }];
        const persistence = stored && version === DEFAULT_VERSION ? { persistence: { enabled: true } } : {};
        await judged(() => primary({ edges, ...persistence }));
      }),
      { numRuns: 60 },
    );
    assert.ok(taken > 0 && refused > 0, `${taken} taken, ${refused} refused`);
  });

  const plain = fc
    .array(fc.stringMatching(/^[a-z][a-z0-9$_-]{0,5}$/), { minLength: 1, maxLength: 3 })
    .map((tokens) => ["x", ...tokens].join("."));
  const edges = fc.uniqueArray(
    fc.record({
      name,
      publish: fc.array(plain, { maxLength: 2 }),
      receive: fc.array(plain, { maxLength: 2 }),
      persistence: fc.boolean(),
    }),
    { maxLength: 4, selector: (edge) => edge.name },
  );

  it("of a primary with edges and accounts", async () => {
    await fc.assert(
      fc.asyncProperty(edges, fc.boolean(), accounts, async (list, stored, extraAccounts) => {
        const persistence = stored && version === DEFAULT_VERSION ? { persistence: { enabled: true } } : {};
        await judged(() => primary({ edges: list, extraAccounts, ...persistence }));
      }),
      RUNS,
    );
    assert.ok(taken > 0, `${taken} taken, ${refused} refused`);
  });

  it("of an edge with accounts, remotes and a listener", async () => {
    const extra = fc.record({
      extraAccounts: accounts,
      remotes: fc.array(remote, { maxLength: 2 }),
      listens: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        name,
        password,
        fc.boolean(),
        fc.boolean(),
        extra,
        async (edge, root, encrypted, stored, more) => {
          const { extraAccounts, remotes, listens } = more;
          const targets = ["APP", ...Object.keys(extraAccounts)];
          const extraRemotes = remotes.map((one, i) => ({ ...one, account: targets[i % targets.length] }));
          const store = { subjects: [`ops.clusters.${edge}.>`], maxAge: 60, whenFull: "keep-newest" };
          const keeps = stored && version === DEFAULT_VERSION;
          const link = {
            urls: [encrypted ? "tls://192.0.2.1:32222" : "nats-leaf://192.0.2.1:32222"],
            ...{ seed: edgeNkey(root, edge).seed, ca: "" },
            publish: [],
            receive: [],
            store: keeps ? store : undefined,
          };
          const keys = { ...common, extraAccounts, extraRemotes, ...(listens ? { leafPort: 32222 } : {}) };
          await judged(() => deployEdge(edge, link as EdgeLink, keys));
        },
      ),
      RUNS,
    );
    assert.ok(taken > 0, `${taken} taken, ${refused} refused`);
  });

  const unseen = fc.oneof(
    fc.constantFrom("\u007f", "\u0085", "\u00a0", "\u00ad", "\u200b", "\u2028", "\u2029", "\u202e", "\ufeff", "\ud800"),
    fc.integer({ min: 0, max: 32 }).map((code) => String.fromCharCode(code)),
  );
  const tokens = fc.array(fc.stringMatching(/^[a-z0-9é-]{1,5}$/), { minLength: 1, maxLength: 3 });
  const wrong = fc.oneof(
    fc.tuple(tokens, unseen).map(([good, sign]) => `${good.join(".")}${sign}x`),
    fc.tuple(tokens, tokens).map(([good, more]) => `${good.join(".")}.$${more.join(".")}`),
    fc
      .tuple(fc.constantFrom("$", "_", "*.", ">.", ".", "_INBOX.", "$JS."), tokens)
      .map(([head, good]) => head + good.join(".")),
    fc
      .tuple(tokens, fc.constantFrom(".", "..x", ".>.x", "*", ">", "{{", '"'))
      .map(([good, end]) => good.join(".") + end),
    fc.integer({ min: 256, max: 5000 }).map((length) => "x".repeat(length)),
  );

  it("with a subject that nobody may use are refused, at the place where it stands", () => {
    fc.assert(
      fc.property(wrong, fc.constantFrom("publish", "receive"), (one, list) => {
        const lines = faults("primary", { hosts, images, edges: [{ name: "edge-1", [list]: [one] }] });
        assert.ok(lines.some((line) => line.startsWith(`ops-nats:edges[0].${list}[0]: expected a NATS subject`)));
      }),
      { numRuns: 500 },
    );
  });
});
