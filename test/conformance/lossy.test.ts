// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { lossySuite } from "../scenarios/lossySuite.ts";

describe("stored events come through", () => lossySuite(DEFAULT_VERSION, true));
