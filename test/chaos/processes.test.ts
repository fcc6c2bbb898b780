// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { durabilitySuite } from "../conformance/durabilitySuite.ts";
import { DEFAULT_VERSION } from "../conformance/versions.ts";
import { PLAN } from "./faults.ts";

describe(`three edges, servers as processes, nats-server ${DEFAULT_VERSION} with persistence`, () => {
  durabilitySuite(DEFAULT_VERSION, { ...PLAN, persistent: true });
});
