// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { edgePlan } from "../../nats/streams.ts";

export const claim = {
  ...{ enabled: true, size: "2Gi", storageClass: undefined, maxAge: 3600 },
  whenFull: "keep-newest",
} as const;

/** The plan of a lone edge that stores. */
export const lonePlan = edgePlan({
  claim,
  retention: claim,
  replicas: 1,
  edge: "edge-1",
  subjects: ["ops.clusters.edge-1.>"],
  underWay: 100,
});
