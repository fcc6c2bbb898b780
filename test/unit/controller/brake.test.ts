// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { answered, type Braking, brake, type Log, type Logs, RELEASED } from "../../../controller/brake.ts";
import type { StreamInfo } from "../../../controller/observed.ts";
import { MOST, nameIn, report } from "../../../controller/strays.ts";

const ABOVE = 100_000;
const external = (edge: string) => ({ api: `$JS.${edge}.API`, deliver: `up.${edge}` });
/** The intake, by how far each edge's source is behind. */
const intake = (lags: Readonly<Record<string, number>>): StreamInfo =>
  ({
    config: {
      sources: [
        { name: "own-nats-0", consumer: { name: "in" } },
        ...Object.keys(lags).map((edge) => ({ name: "ops", external: external(edge), consumer: { name: edge } })),
      ],
    },
    sources: [
      { name: "own-nats-0", lag: 1e6, active: 0 },
      ...Object.entries(lags).map(([edge, lag]) => ({ name: "ops", lag, active: 0, external: external(edge) })),
    ],
  }) as unknown as StreamInfo;
const log = (bytes: number, copies = false): Log => ({ bytes, copies });
const seen = (servers: Logs["servers"], more: Partial<Logs> = {}): Logs => ({
  servers,
  linked: new Set(["EDGE-edge-1", "EDGE-edge-2"]),
  intake: intake({ "edge-1": 501, "edge-2": 500, "edge-3": 1e6 }),
  ...more,
});
const long = seen([[log(1), log(ABOVE + 1)], [log(2)]]);
const short = seen([[log(1)], [log(2)]]);

describe("controller: the brake", () => {
  /** Looks one after the other, each at a second; all that is asked for is done, unless said otherwise. */
  function looks(...all: readonly [second: number, logs: Logs, done?: boolean][]) {
    let memory: Braking = RELEASED;
    const told: string[] = [];
    for (const [second, logs, done = true] of all) {
      const braked = brake(ABOVE, logs, memory, second);
      memory = braked.memory;
      for (const action of braked.actions) {
        told.push(`${second} ${action.do} ${action.cluster}`);
        memory = answered(memory, action, done, second);
      }
      told.push(...braked.said.map((line) => `${second} ${line}`));
    }
    return told;
  }
  const BEGINS = `logs of replicas have ${ABOVE + 1} bytes: edges that are behind pause until these are cut`;
  const ENDS = "logs of replicas have 2 bytes: edges that paused go on";

  it("does nothing while logs are short", () => assert.deepEqual(looks([0, short], [1, short]), []));

  it("has edges pause that are behind and linked, again after half a minute, until logs are cut", () => {
    assert.deepEqual(looks([0, long], [1, long], [29, long], [30, long], [40, short], [41, short], [42, short]), [
      "0 pause edge-1",
      `0 ${BEGINS}`,
      "30 pause edge-1",
      "40 resume edge-1",
      `41 ${ENDS}`,
    ]);
  });

  it("asks one that did not pause again at once", () => {
    assert.deepEqual(looks([0, long, false], [1, long]), ["0 pause edge-1", `0 ${BEGINS}`, "1 pause edge-1"]);
  });

  it("begins at a quarter where a server copies, and ends at half of that", () => {
    const copying = (bytes: number) => seen([[log(bytes)], [log(0, true)]]);
    const [quarter, eighth] = [ABOVE / 4, ABOVE / 8];
    const told = looks(
      [0, copying(quarter)],
      [1, copying(quarter + 1)],
      [2, copying(eighth + 1)],
      [3, copying(eighth)],
    );
    assert.deepEqual(
      told.filter((line) => !line.includes("logs")),
      ["1 pause edge-1", "3 resume edge-1"],
    );
  });

  it("gives up after five minutes, once", () => {
    const told = looks([0, long], [269, long], [270, long], [271, long]);
    const end = `270 logs of replicas have ${ABOVE + 1} bytes, and are not cut: edges that paused go on`;
    assert.deepEqual(told, ["0 pause edge-1", `0 ${BEGINS}`, "269 pause edge-1", "270 resume edge-1", end]);
  });

  it("tells nobody to go on while a server does not say how long its logs are", () => {
    const silent = seen([[log(1)], undefined]);
    const told = looks([0, long], [10, silent], [59, silent], [60, silent], [61, short]);
    assert.deepEqual(told, ["0 pause edge-1", `0 ${BEGINS}`, "61 resume edge-1"]);
  });

  it("forgets one that does not answer when its pause has ended by itself", () => {
    const told = looks([0, long], [10, short, false], [90, short, false], [91, short, false], [92, short]);
    assert.deepEqual(told.slice(2), ["10 resume edge-1", "90 resume edge-1", "91 resume edge-1", `92 ${ENDS}`]);
  });

  it("addresses each by its own consumer", () => {
    const [action] = brake(ABOVE, long, RELEASED, 0).actions;
    assert.equal(action?.subject, "$JS.edge-1.API.CONSUMER.PAUSE.ops.edge-1");
  });

  it("leaves all alone where the intake cannot be asked for", () => {
    assert.deepEqual(looks([0, { ...long, intake: undefined }]), []);
  });
});

describe("controller: events under names that are not carried", () => {
  for (const [subject, name] of [
    ["ops.clusters.default.nodes.a", "default.>"],
    ["ops.clusters.default", "default"],
    [`ops.clusters.${"x".repeat(100)}.a`, `${"x".repeat(80)}.>`],
    ["ops.notifications.a", undefined],
    ["other.clusters.a.b", undefined],
  ] as const) {
    it(`${subject.slice(0, 40)}: ${name?.slice(0, 20)}`, () => assert.equal(nameIn(subject), name));
  }

  it("tells each with its count, the loudest first, and what to set", () => {
    const counts = new Map([
      ["prod_eu.>", 2],
      ["default.>", 30],
      ["lone", 1],
      ["EU\x1b.>", 1],
    ]);
    assert.deepEqual(report({ counts, total: 34 }, "edge-1", 60), [
      "events below ops.clusters.default.> are not carried to the primary (30 in the last 60 s): add default to ops-nats:acceptClusterNames or set Ops' event.cluster to edge-1",
      "events below ops.clusters.prod_eu.> are not carried to the primary (2 in the last 60 s): add prod_eu to ops-nats:acceptClusterNames or set Ops' event.cluster to edge-1",
      "events on ops.clusters.lone itself are not carried to the primary (1 in the last 60 s): an event needs more tokens after the name of its cluster",
      "events below ops.clusters.EU?.> are not carried to the primary (1 in the last 60 s): set Ops' event.cluster to edge-1",
    ]);
  });

  it("tells twenty names, and that a flood had at least so many", () => {
    const counts = new Map(Array.from({ length: 25 }, (_, i) => [`n${i}.>`, 100 - i] as const));
    const lines = report({ counts, total: MOST }, "edge-1", 60);
    assert.equal(lines.length, 21);
    assert.match(lines[0] ?? "", /\(at least 100 in/);
    assert.match(lines[20] ?? "", /events of 5 more names/);
  });
});
