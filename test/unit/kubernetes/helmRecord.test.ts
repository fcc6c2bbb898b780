// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { readRecord, withStatus } from "../../../kubernetes/helmRecord.ts";

describe("a record of Helm's", () => {
  const pack = (release: unknown) =>
    Buffer.from(gzipSync(JSON.stringify(release)).toString("base64")).toString("base64");
  const annotations = { "ops-nats/id": "abc", "ops-nats/stack": "o/p/s" };
  const config = { statefulSet: { merge: { metadata: { annotations } } } };

  it("tells whose it is and how it is described, also where Helm has not finished it", () => {
    const info = { status: "pending-install", description: "Initial install underway" };
    assert.deepEqual(readRecord(pack({ info, config })), {
      description: "Initial install underway",
      owner: { id: "abc", stack: "o/p/s" },
    });
  });

  it("of somebody else's tells nobody", () => {
    for (const other of [{}, { info: {}, config: null }, { config: { statefulSet: "x" } }]) {
      assert.deepEqual(readRecord(pack(other)), { description: "", owner: undefined });
    }
    assert.deepEqual(readRecord(undefined), { description: "", owner: undefined });
  });

  it("takes another status, and keeps the rest", () => {
    const before = { name: "nats", version: 3, config, info: { status: "pending-upgrade", first_deployed: "x" } };
    const text = withStatus(pack(before), "failed");
    const after = JSON.parse(gunzipSync(Buffer.from(Buffer.from(text, "base64").toString(), "base64")).toString());
    assert.match(after.info.description, /^failed: interrupted/);
    delete after.info.description;
    assert.deepEqual(after, { ...before, info: { status: "failed", first_deployed: "x" } });
  });
});
