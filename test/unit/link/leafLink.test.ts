// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { LEAF_LINK_VERSION, leafLinkOutputs, readLeafLink, warnOfEnd } from "../../../link/leafLink.ts";
import type { EdgeLogins } from "../../../nats/edgeLogin.ts";
import { warnings } from "../../harness/fakeClusters.ts";
import { awaited, closed } from "../../harness/mocks.ts";

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

  const published = async (): Promise<Record<string, unknown>> => {
    const outputs = leafLinkOutputs({
      urls,
      ca: pulumi.output(ca),
      certificateEnds: pulumi.output("2030-01-31"),
      credentials: pulumi.output<EdgeLogins>(credentials),
      stores: { "edge-2": store },
    });
    const { leafCredentials, leafWitness } = outputs;
    assert.deepEqual([await pulumi.isSecret(leafCredentials), await pulumi.isSecret(leafWitness)], [true, true]);
    return {
      ...outputs,
      leafCa: await awaited(outputs.leafCa),
      leafCertificateEnds: "2030-01-31",
      leafCredentials: closed(await awaited(leafCredentials)),
      leafWitness: closed(await awaited(leafWitness)),
    };
  };

  it("comes back whole, for this edge alone", async () => {
    const outputs = await published();
    const two = { urls, ca, ...credentials["edge-2"] };
    assert.deepEqual(readLeafLink(outputs, STACK, "edge-2"), two);
    const one = { urls, ca, ...credentials["edge-1"] };
    assert.deepEqual(readLeafLink(outputs, STACK, "edge-1"), one);
    assert.equal(outputs.leafUrl, urls[0]);
  });

  it("of a certificate that nobody has renewed for years warns each edge", async () => {
    const outputs = await published();
    const on = (day: string, from = outputs) => warnings(() => warnOfEnd(from, STACK, Date.parse(`${day}T00:00:00Z`)));
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
    change: (o: Record<string, unknown>) => Record<string, unknown> | undefined,
    edge: string,
    ...patterns: readonly RegExp[]
  ) =>
    it(`refuses ${what}`, async () => {
      const outputs = change(await published());
      assert.throws(
        () => readLeafLink(outputs, STACK, edge),
        (error: Error) => {
          assert.ok(error instanceof pulumi.RunError);
          assert.ok(!error.message.includes("\n"), "one line");
          for (const pattern of [/expected .+; came .+; next: /, ...patterns]) assert.match(error.message, pattern);
          return true;
        },
      );
    });

  const never = /without outputs; next: pulumi up -s primary$/;
  refused("a primary that was never deployed", () => undefined, "edge-1", never);
  const newer = /version 6; came 7; next: update this program/;
  refused("a newer contract", (o) => ({ ...o, leafLinkVersion: LEAF_LINK_VERSION + 1 }), "edge-1", newer);
  const older = /came 0; next: pulumi up -s primary/;
  refused("an older contract", (o) => ({ ...o, leafLinkVersion: 0 }), "edge-1", older);
  refused(
    "a passphrase that does not fit, where the engine leaves such outputs out",
    ({ leafCredentials: _, ...o }) => o,
    "edge-1",
    /passphrase/,
  );
  for (const [what, empty] of [
    ["something empty", {}],
    ["nothing", ""],
    ["an empty secret", closed("")],
    ["a secret that is an empty map", closed({})],
  ] as const)
    refused(
      `a passphrase that does not fit, where the engine puts ${what} in their place`,
      (o) => ({ ...o, leafCredentials: empty, leafWitness: empty }),
      "edge-1",
      /passphrase/,
    );
  refused(
    "an edge that is not listed",
    (o) => o,
    "edge-3",
    /^ops-nats:edges of stack primary: expected edge-3 among them; came \["edge-1","edge-2"\]/,
    /pulumi config set --path 'ops-nats:edges\[2\]' edge-3 -s primary && pulumi up -s primary, then pulumi up -s edge-3 /,
  );
  const { seed, ...unknown } = credentials["edge-1"];
  const strange = /another shape/;
  refused("outputs of another shape", (o) => ({ ...o, leafUrls: ["http://x"] }), "edge-1", strange);
  for (const login of [{ seed }, unknown, { ...credentials["edge-1"], store: {} }])
    refused(
      `a login of another shape: ${Object.keys(login)}`,
      (o) => ({ ...o, leafCredentials: closed({ "edge-1": login }) }),
      "edge-1",
      strange,
    );
});
