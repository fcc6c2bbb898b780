// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { burstSuite } from "../scenarios/burstSuite.ts";

// The server's own limit is 100,000; up to ours, 500,000 and 256 MB: `npm run test:chaos`.
describe("a burst that is larger than a server lets wait of its own accord", () => burstSuite(150_000, 300));
