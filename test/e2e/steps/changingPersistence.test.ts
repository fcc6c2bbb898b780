// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { changingSuite } from "../changingSuite.ts";

describe("changing persistence, every block", () => changingSuite(true));
