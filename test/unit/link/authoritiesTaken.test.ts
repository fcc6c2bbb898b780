// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { assertTaken, fingerprints, TAKEN } from "../../../link/authoritiesTaken.ts";
import { certificates, EPOCHS } from "../../../nats/certificates.ts";
import { warnings } from "../../harness/fakeClusters.ts";

const DAY = 86_400_000;

describe("another CA signs", () => {
  const epoch = EPOCHS.authority.renewed * DAY;
  /** What is handed out in the CAs' epoch of that number, from 1970 on. */
  const of = async (number: number, root = "root") =>
    (await certificates(root, "leafs", ["203.0.113.10"], number * epoch + DAY)).authorities;
  const edges = ["edge-1", "edge-2", "edge-3"];
  const place = { edges, stack: "organization/ops-nats/primary" };
  const has = (stacks: Record<string, string>) => async (stack: string) => {
    const pem = stacks[stack];
    return pem === undefined ? undefined : { [TAKEN]: fingerprints(pem) };
  };
  const nobody = () => assert.fail("no edge is asked");

  it("is no question at the first up, nor while the same one signs", async () => {
    const authorities = await of(14);
    await assertTaken({ ...place, authorities, handedOut: undefined }, nobody);
    await assertTaken({ ...place, authorities, handedOut: authorities }, nobody);
    await assertTaken({ ...place, authorities, handedOut: "" }, nobody);
  });

  it("when all edges know it", async () => {
    const [before, now] = [await of(14), await of(15)];
    const all = { "organization/ops-nats/edge-1": before, "organization/ops-nats/edge-2": now };
    const told = await warnings(() =>
      assertTaken({ ...place, edges: ["edge-1", "edge-2"], authorities: now, handedOut: before }, has(all)),
    );
    assert.deepEqual(told, []);
  });

  it("is refused while one does not know it, and those that cannot be seen are told", async () => {
    const [older, before, now] = [await of(13), await of(14), await of(15)];
    const all = { "organization/ops-nats/edge-1": before, "organization/ops-nats/edge-2": older };
    const told = await warnings(() =>
      assert.rejects(
        assertTaken({ ...place, authorities: now, handedOut: before }, has(all)),
        /came edge-2, .*; nothing was changed; next: who operates them types pulumi up -s edge-2 \(or take .*, then pulumi up -s primary$/,
      ),
    );
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /cannot be seen here .*: edge-3$/);
  });

  it("that was never handed out is told, for no edge can know it", async () => {
    for (const authorities of [await of(14, "another root key"), await of(17)]) {
      const told = await warnings(async () => assertTaken({ ...place, authorities, handedOut: await of(14) }, nobody));
      assert.match(told[0] ?? "", /edges cannot know yet: until its own pulumi up, no edge has a link/);
    }
  });
});
