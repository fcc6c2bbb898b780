// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { type DurabilityPlan, durabilitySuite } from "../scenarios/durabilitySuite.ts";

// The quick part of what `npm run test:chaos` does for longer and on real clusters: docs/benchmarks/durability.md.
describe("no stored event is lost", () => {
  const cuts: DurabilityPlan["cuts"] = [3, 15].map((seconds) => [seconds, "reset"]);
  durabilitySuite(DEFAULT_VERSION, { edges: ["edge-1", "edge-2"], persistent: true, cuts, standstill: 4 });
});
