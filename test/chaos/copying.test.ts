// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { fullDiskSuite } from "../scenarios/fullDiskSuite.ts";

describe(`a server of the primary copies while four edges bring more than it holds, nats-server ${DEFAULT_VERSION}`, () => {
  const edges = ["edge-1", "edge-2", "edge-3", "edge-4"];
  fullDiskSuite(DEFAULT_VERSION, { edges, sizes: { primary: "3G", edge: "1500M" }, copies: true });
});
