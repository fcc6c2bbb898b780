// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type DurabilityPlan, durabilitySuite } from "./durabilitySuite.ts";
import { DEFAULT_VERSION, onEachVersion } from "./versions.ts";

// The quick part of what `npm run test:chaos` does on both versions, for longer and on real clusters: docs/durability.md.
onEachVersion("no stored event is lost", (version) => {
  const few = version !== DEFAULT_VERSION;
  const cuts: DurabilityPlan["cuts"] = few ? [[3, "reset"]] : [3, 15].map((seconds) => [seconds, "reset"]);
  durabilitySuite(version, { edges: ["edge-1", "edge-2"], persistent: true, cuts, standstill: 4, few });
});
