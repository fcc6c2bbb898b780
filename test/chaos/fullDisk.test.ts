// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { fullDiskSuite } from "../conformance/fullDiskSuite.ts";
import { onEachVersion } from "../conformance/versions.ts";

const EDGES = ["edge-1", "edge-2"];

onEachVersion("two edges bring more than a primary holds", (version) => {
  fullDiskSuite(version, { edges: EDGES, sizes: { primary: "2G", edge: "1500M" } });
});
