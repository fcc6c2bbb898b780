// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { DEFAULT_IMAGES } from "../../../config/defaults.ts";
import { keepsStreams, reloadsRemotes, serverVersion } from "../../../nats/serverVersion.ts";

describe("server version", () => {
  it("is read from the head of a tag", () => {
    assert.deepEqual(serverVersion("2.14.9-alpine"), [2, 14, 9]);
    assert.deepEqual(serverVersion("v2.10.20"), [2, 10, 20]);
    assert.deepEqual(serverVersion("2.14.9-alpine@sha256:0123"), [2, 14, 9]);
    assert.equal(serverVersion("alpine"), undefined);
    assert.equal(serverVersion("2.14"), undefined);
  });

  const floor: [string, boolean][] = [
    ["2.10.20-alpine", false],
    ["2.12.15-alpine", false],
    ["2.14.0", false],
    ["2.14.9-alpine@sha256:0123", false],
    ["2.14.10-alpine", false],
    ["2.15.0", false],
    ["2.15.2", false],
    ["v2.15.3", true],
    ["2.16.0", true],
    ["3.0.0", true],
    ["2.12-alpine", false],
    ["2.10", false],
    ["2.14-alpine", false],
    ["2.15-alpine", true],
    ["latest", true],
    ["alpine", true],
    ["1.0-ours", true],
  ];
  for (const [tag, keeps] of floor) {
    it(`streams are ${keeps ? "" : "not "}kept with ${tag}`, () => assert.equal(keepsStreams(tag), keeps));
  }

  it("of the default keeps streams", () => assert.ok(keepsStreams(DEFAULT_IMAGES.nats.tag)));

  it("takes changed remotes by a reload from 2.14.0", () => {
    assert.equal(reloadsRemotes([2, 12, 15]), false);
    assert.equal(reloadsRemotes([2, 14, 0]), true);
  });
});
