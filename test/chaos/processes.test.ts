// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type DurabilityPlan, durabilitySuite } from "../conformance/durabilitySuite.ts";
import { DEFAULT_VERSION, onEachVersion } from "../conformance/versions.ts";

const EDGES = ["edge-1", "edge-2", "edge-3"];
const CUTS: DurabilityPlan["cuts"] = [
  [10, "reset"],
  [120, "reset"],
  [600, "dropped"],
];
const load = { steady: 500, each: 20, size: 300 };

onEachVersion("three edges, servers as processes", (version) => {
  for (const persistent of version === DEFAULT_VERSION ? [true, false] : [false]) {
    describe(persistent ? "with persistence" : "without", () => {
      durabilitySuite(version, { edges: EDGES, persistent, cuts: CUTS, standstill: 60, load });
    });
  }
});
