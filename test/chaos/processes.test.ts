// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { durabilitySuite } from "../scenarios/durabilitySuite.ts";
import { PLAN } from "../scenarios/faults.ts";

describe(`three edges, servers as processes, nats-server ${DEFAULT_VERSION} with persistence`, () => {
  durabilitySuite(DEFAULT_VERSION, { ...PLAN, persistent: true });
});
