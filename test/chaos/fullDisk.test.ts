// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { fullDiskSuite } from "../scenarios/fullDiskSuite.ts";

const EDGES = ["edge-1", "edge-2"];

describe("two edges bring more than a primary holds", () => {
  fullDiskSuite(DEFAULT_VERSION, { edges: EDGES, sizes: { primary: "2G", edge: "1500M" } });
});
