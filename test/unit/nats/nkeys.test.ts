// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { fromPublic, fromSeed } from "@nats-io/nkeys";
import { edgeNkey } from "../../../nats/nkeys.ts";

describe("an edge's key", () => {
  it("is one of NATS: what its seed signs, its public key knows", () => {
    for (let i = 0; i < 10; i++) {
      const { seed, publicKey } = edgeNkey("root", `edge-${i}`);
      assert.match(seed, /^SU[A-Z2-7]{56}$/);
      assert.match(publicKey, /^U[A-Z2-7]{55}$/);
      const pair = fromSeed(Buffer.from(seed));
      assert.equal(pair.getPublicKey(), publicKey);
      const text = Buffer.from("nonce");
      assert.ok(fromPublic(publicKey).verify(text, pair.sign(text)));
    }
  });

  it("is the same for the same root key and edge, and for no other", () => {
    assert.deepEqual(edgeNkey("root", "edge-1"), edgeNkey("root", "edge-1"));
    const seeds = [edgeNkey("root", "edge-1"), edgeNkey("root", "edge-2"), edgeNkey("other", "edge-1")];
    assert.equal(new Set(seeds.map(({ seed }) => seed)).size, 3);
  });
});
