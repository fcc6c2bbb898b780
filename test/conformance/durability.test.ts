// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type DurabilityPlan, durabilitySuite } from "./durabilitySuite.ts";
import { onEachVersion } from "./versions.ts";

// The quick part of what `npm run test:chaos` does for longer and on real clusters: docs/durability.md.
const cuts: DurabilityPlan["cuts"] = [
  [3, "reset"],
  [15, "reset"],
];

onEachVersion("no stored event is lost", (version) => {
  durabilitySuite(version, { edges: ["edge-1", "edge-2"], persistent: true, cuts, standstill: 4 });
});
