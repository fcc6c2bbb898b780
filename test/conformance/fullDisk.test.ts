// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { SMALLEST } from "../../config/schema.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { fullDiskSuite } from "../scenarios/fullDiskSuite.ts";

// `npm run test:chaos` has more edges.
describe(`streams come to their limits before disks of the smallest claims are full, nats-server ${DEFAULT_VERSION}`, () => {
  fullDiskSuite(DEFAULT_VERSION, { edges: ["edge-1"], sizes: SMALLEST });
});
