// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { lossySuite } from "./lossySuite.ts";
import { DEFAULT_VERSION } from "./versions.ts";

describe("stored events come through", () => lossySuite(DEFAULT_VERSION, true));
