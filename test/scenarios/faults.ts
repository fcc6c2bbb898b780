// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { DurabilityPlan } from "./durabilitySuite.ts";

/** The faults of servers as processes, the same with persistence and without. */
export const PLAN: Omit<DurabilityPlan, "persistent"> = {
  edges: ["edge-1", "edge-2", "edge-3"],
  cuts: [
    [10, "reset"],
    [120, "reset"],
    [600, "dropped"],
  ],
  standstill: 60,
  // two cores run this beside the same without persistence: a thousand events take servers 0.7 s of CPU
  load: { steady: 200, each: 10, size: 300 },
};
