// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { durabilitySuite } from "../conformance/durabilitySuite.ts";
import { onEachVersion } from "../conformance/versions.ts";
import { PLAN } from "./faults.ts";

onEachVersion("three edges, servers as processes, without persistence", (version) => {
  durabilitySuite(version, { ...PLAN, persistent: false });
});
