// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { onEachVersion } from "../harness/processes/versions.ts";
import { durabilitySuite } from "../scenarios/durabilitySuite.ts";
import { PLAN } from "../scenarios/faults.ts";

onEachVersion("three edges, servers as processes, without persistence", (version) => {
  durabilitySuite(version, { ...PLAN, persistent: false });
});
