// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { burstSuite } from "../scenarios/burstSuite.ts";

// What the README says: up to 500,000, or 256 MB. Servers store meanwhile, so that some more go in.
describe("a burst of as many events as may wait", () => burstSuite(500_000, 300));
describe("a burst of as many bytes as may wait", () => burstSuite(110_000, 2300));
