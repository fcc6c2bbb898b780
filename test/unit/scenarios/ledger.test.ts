// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { backlogOf, beganAfter, judge, judgeOwn, type Kept, outOfOrder, together } from "../../scenarios/ledger.ts";
import { missing, type Row, renewed, tables, totalOf } from "../../scenarios/report.ts";
import { complaintsAlone, complaintsHeard } from "../../scenarios/scenario.ts";

// The checker itself: what it is to find, it has to find.
const kept = (ids: string): Kept[] => [...ids].map((id) => ({ id, subject: "ops.x", at: 0, delay: id.charCodeAt(0) }));
const judged = (sent: string, stored: string, found: string) => judge([...sent], [...stored], kept(found));

describe("the checker of events", () => {
  it("finds nothing where all that was stored came once and in order", () => {
    assert.deepEqual(judged("abcd", "abc", "abc"), {
      sent: 4,
      stored: 3,
      lost: 0,
      doubled: 0,
      reordered: 0,
      strange: 0,
      late: 0,
      longest: 99,
      backlog: { events: 0, from: 0, to: 0 },
    });
  });

  it("finds what is lost, doubled, out of order, and what nobody stored", () => {
    const { lost, doubled, reordered, strange } = judged("abcdef", "abcdef", "acbbeexx");
    assert.deepEqual({ lost, doubled, reordered, strange }, { lost: 2, doubled: 3, reordered: 1, strange: 1 });
  });

  it("takes a series that comes twice for doubled, not for out of order", () => {
    const { doubled, reordered } = judged("abcd", "abcd", "abcabcd");
    assert.deepEqual({ doubled, reordered }, { doubled: 3, reordered: 0 });
  });

  it("takes what of the primary's own passed through for stored, and finds what did not", () => {
    const { sent, stored, lost, strange } = judgeOwn([..."abcdef"], [..."cde"], kept("abcd"));
    assert.deepEqual({ sent, stored, lost, strange }, { sent: 6, stored: 5, lost: 1, strange: 0 });
  });

  it("counts each that comes after a later one", () => {
    assert.equal(outOfOrder([..."abcdef"], [..."fabxcde"]), 5);
    assert.equal(outOfOrder([..."abc"], [..."abc"]), 0);
  });
});

describe("the checker of clusters that were cut off", () => {
  const told = (longest: number, unheard: number, heardTwice: number, persistent = true) => {
    const verdict = { ...judged("a", "a", "a"), title: "cut", cluster: "edge-1", settling: 0 };
    return complaintsAlone([{ ...verdict, longest, unheard, heardTwice }], 10, { persistent });
  };

  it("has no complaint of one whose events waited, and were then heard once", () => {
    assert.deepEqual(told(10_000, 0, 0), []);
    assert.deepEqual(told(0, 5, 0, false), []);
  });

  it("tells of a fault that did nothing, and of live events that were missed or heard twice", () => {
    assert.deepEqual(told(8000, 0, 0), ["edge-1: waited 8000 ms at most, not 10 s"]);
    assert.deepEqual(told(10_000, 1, 0), ["edge-1: 1 not heard, 0 heard twice"]);
    assert.deepEqual(told(10_000, 0, 2), ["edge-1: 0 not heard, 2 heard twice"]);
    assert.deepEqual(told(0, 0, 0, false), ["edge-1: nothing was missed"]);
  });

  it("tells of an edge's events that a subscriber should have heard, not of the primary's own", () => {
    const outcome = (cluster: string, unheard: number, heardTwice: number) => ({
      ...{ title: "a cut", cluster, unheard, heardTwice, settling: 0 },
      ...judged("a", "a", "a"),
    });
    assert.deepEqual(complaintsHeard([outcome("edge-1", 0, 0), outcome("primary", 3, 1)]), []);
    const bad = complaintsHeard([outcome("edge-1", 2, 0), outcome("edge-2", 0, 1)]);
    assert.deepEqual(bad, ["edge-1: 2 not heard, 0 heard twice", "edge-2: 0 not heard, 1 heard twice"]);
  });
});

describe("the rate of a catch-up", () => {
  const found = (...pairs: readonly (readonly [at: number, delay: number])[]): Kept[] =>
    pairs.map(([at, delay], i) => ({ id: String(i), subject: "ops.x", at, delay }));

  it("is that of the largest series of events that had waited", () => {
    assert.deepEqual(
      backlogOf(found([1, 5], [10, 3000], [11, 5], [50, 9000], [60, 5000], [90, 1000], [95, 999], [99, 1000])),
      { events: 3, from: 50, to: 90 },
    );
    assert.deepEqual(backlogOf(found([1, 5], [10, 9000], [20, 9000], [1021, 8000], [1030, 8000], [2030, 7000])), {
      events: 3,
      from: 1021,
      to: 2030,
    });
  });

  it("is told with when it began after a link was back", () => {
    const events = found([1, 5], [10, 3000], [40, 5], [50, 9000]);
    assert.equal(beganAfter(events, 20), 30);
    assert.equal(beganAfter(events, 51), undefined);
  });

  it("is of all edges: the time in which two come at once counts once, that in which none comes does not count", () => {
    const backlogs = [
      { events: 30, from: 500, to: 600 },
      { events: 10, from: 100, to: 200 },
      { events: 0, from: 0, to: 0 },
      { events: 20, from: 150, to: 300 },
    ];
    assert.deepEqual(together(backlogs), { events: 60, ms: 300 });
  });
});

describe("rows of the durability page", () => {
  const counts = (stored: number, lost: number) => ({
    sent: stored,
    stored,
    lost,
    doubled: 0,
    reordered: 0,
    unheard: 0,
    heardTwice: 0,
  });
  const row = (title: string, stored: number, lost = 0, version = "2.15.3"): Row => ({
    level: "processes",
    version,
    persistent: true,
    title,
    edges: counts(stored, lost),
    longest: 1,
    own: counts(0, 0),
    day: "2026-11-24",
    before: counts(0, 0),
  });

  it("show the last run, and none is forgotten in the total", () => {
    const first = renewed([row("a", 1, 1), row("b", 10)], [row("a", 100)], false);
    const rows = renewed(first, [row("a", 1000), row("c", 5, 5, "2.10.20")], false);
    assert.deepEqual(
      rows.map(({ title, edges }) => [title, edges.stored]),
      [
        ["a", 1000],
        ["b", 10],
        ["c", 5],
      ],
    );
    const { stored, lost } = totalOf(rows, "2.15.3");
    assert.deepEqual({ stored, lost }, { stored: 1111, lost: 1 });
    assert.deepEqual(
      renewed(first, [row("b", 1)], true).map(({ title, before }) => [title, before.stored]),
      [["b", 10]],
    );
  });

  it("tell of the primary's own events where not all came once and in order, and where its streams were not read", () => {
    const own = (stored: number, lost: number) => ({ ...counts(stored, lost), sent: 5 });
    const rows = [
      { ...row("all came", 1), own: own(5, 0), ownRead: true as const },
      { ...row("plain", 1), persistent: false, own: own(4, 0) },
      { ...row("said to nobody", 1), own: own(4, 0), ownRead: true as const },
      { ...row("lost", 1), own: own(5, 1), ownRead: true as const },
      { ...row("of former days", 1), own: own(3, 0) },
      { ...row("not heard", 1), own: { ...own(5, 0), unheard: 2 }, ownRead: true as const },
    ];
    const [, page = ""] = tables(rows).split("what was done | sent at the primary");
    assert.deepEqual(page.trim().split("\n").slice(2), [
      "| said to nobody | 5 | 4 | **0** | 0 | 0 | 0 / 0 |",
      "| lost | 5 | 5 | **1** | 0 | 0 | 0 / 0 |",
      "| of former days | 5 | 3 | not read | 0 | 0 | 0 / 0 |",
      "| not heard | 5 | 5 | **0** | 0 | 0 | 2 / 0 |",
    ]);
  });

  it("name what other versions have and the default has not", () => {
    const plain = { ...row("b", 1), persistent: false };
    const rows = [row("a", 1), row("a", 1, 0, "2.14.9"), row("b", 1, 0, "2.14.9"), row("c", 1, 0, "2.10.20"), plain];
    assert.equal(missing(rows, "2.15.3"), "- processes, with persistence: b; c");
    assert.equal(missing(rows, "2.14.9"), "- processes, with persistence: c\n- processes, without: b");
    assert.equal(missing([row("a", 1)], "2.15.3"), "");
  });
});
