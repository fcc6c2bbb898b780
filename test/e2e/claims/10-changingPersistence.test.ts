// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { changingSuite } from "../changingSuite.ts";

// All blocks: `npm run test:steps`.
describe("changing persistence", () => changingSuite(false));
