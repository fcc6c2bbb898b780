// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import {
  type EdgeLogins,
  LEAF_LINK_VERSION,
  leafLinkOutputs,
  type OutputReader,
  readLeafLink,
  warnOfEnd,
} from "../components/leafLink.ts";
import { warnings } from "./fakeClusters.ts";
import { awaited } from "./mocks.ts";

const STACK = "organization/ops-nats/primary";

describe("leaf link", () => {
  const store = {
    subjects: ["ops.clusters.edge-2.>"],
    maxAge: 60,
    whenFull: "keep-newest",
    underWay: 250,
  } as const;
  const credentials = {
    "edge-1": { seed: "SU-one", publish: ["ops.clusters.edge-1.>"], receive: ["commands.>"], store: undefined },
    "edge-2": { seed: "SU-two", publish: ["ops.clusters.edge-2.>"], receive: [], store },
  };
  const urls = ["tls://203.0.113.10:32222", "tls://[2001:db8::1]:32222"];
  const ca = "PEM of two CAs";

  /** What a StackReference gives for outputs. */
  const reader = (outputs: Record<string, unknown>): OutputReader => ({
    getOutputDetails: async (name) => (name in outputs ? { value: outputs[name] } : {}),
  });
  const logins = async (): Promise<unknown> => credentials;

  const published = async (): Promise<Record<string, unknown>> => {
    const outputs = leafLinkOutputs({
      urls,
      ca: pulumi.output(ca),
      certificateEnds: pulumi.output("2030-01-31"),
      logins: pulumi.output<EdgeLogins>(credentials),
      stores: { "edge-2": store },
    });
    return { ...outputs, leafCa: await awaited(outputs.leafCa), leafCertificateEnds: "2030-01-31" };
  };

  it("comes back whole, for this edge alone", async () => {
    const outputs = await published();
    const two = { urls, ca, ...credentials["edge-2"] };
    assert.deepEqual(await readLeafLink(reader(outputs), STACK, "edge-2", "edge-2", logins), two);
    const one = { urls, ca, ...credentials["edge-1"] };
    assert.deepEqual(await readLeafLink(reader(outputs), STACK, "edge-1", "edge-1", logins), one);
    assert.equal(outputs.leafUrl, urls[0]);
  });

  it("of a certificate that nobody has renewed for years warns each edge", async () => {
    const outputs = await published();
    const on = (day: string, from = outputs) =>
      warnings(() => warnOfEnd(reader(from), STACK, Date.parse(`${day}T00:00:00Z`)));
    assert.deepEqual(await on("2029-08-04"), []);
    assert.match(
      (await on("2029-08-05"))[0] ?? "",
      /primary ends in 179 days \(2030-01-31\).*; next: pulumi up -s primary$/,
    );
    assert.match((await on("2030-02-02"))[0] ?? "", /has ended/);
    assert.deepEqual(await on("2030-02-02", {}), [], "somebody else's");
  });

  const refused = (
    what: string,
    change: (o: Record<string, unknown>) => Record<string, unknown>,
    edge: string,
    patterns: readonly RegExp[],
    readLogins = logins,
  ) =>
    it(`refuses ${what}`, async () => {
      const from = reader(change(await published()));
      await assert.rejects(readLeafLink(from, STACK, edge, edge, readLogins), (error: Error) => {
        assert.ok(error instanceof pulumi.RunError);
        assert.ok(!error.message.includes("\n"), "one line");
        for (const pattern of [/expected .+; came.+; next: /, ...patterns]) assert.match(error.message, pattern);
        return true;
      });
    });

  refused("a primary that was never deployed", () => ({}), "edge-1", [/without outputs; next: pulumi up -s primary$/]);
  refused("a newer contract", (o) => ({ ...o, leafLinkVersion: LEAF_LINK_VERSION + 1 }), "edge-1", [
    /version 6; came 7; next: update this program/,
  ]);
  refused("an older contract", (o) => ({ ...o, leafLinkVersion: 0 }), "edge-1", [/came 0; next: pulumi up -s primary/]);
  const failing = (text: string) => () => Promise.reject(new Error(text));
  refused(
    "a passphrase that does not fit",
    (o) => o,
    "edge-1",
    [/came incorrect passphrase; next: set .*passphrase that both stacks share, or/],
    failing("failed to load checkpoint:\nincorrect passphrase"),
  );
  refused(
    "a state that cannot be read for another reason",
    (o) => o,
    "edge-1",
    [/came refusing to use it; next: pulumi stack export -s primary,/],
    failing("snapshot integrity failure\nrefusing to use it"),
  );
  refused(
    "a primary without logins",
    (o) => o,
    "edge-1",
    [/came none, .*next: pulumi up -s primary$/],
    async () => undefined,
  );
  refused("an edge that is not listed", (o) => o, "edge-3", [
    /^ops-nats:edges of stack primary: expected edge-3 among them; came \["edge-1","edge-2"\]/,
    /pulumi config set --path 'ops-nats:edges\[2\]' edge-3 -s primary && pulumi up -s primary, then pulumi up -s edge-3 /,
  ]);
  const strange = [/another shape/];
  const { seed, ...unknown } = credentials["edge-1"];
  refused("outputs of another shape", (o) => ({ ...o, leafUrls: ["http://x"] }), "edge-1", strange);
  for (const login of [{ seed }, unknown, { ...credentials["edge-1"], store: {} }])
    refused(
      `a login of another shape: ${Object.keys(login)}`,
      (o) => o,
      "edge-1",
      strange,
      async () => ({
        "edge-1": login,
      }),
    );
});
