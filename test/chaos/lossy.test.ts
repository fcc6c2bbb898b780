// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { onEachVersion, whereStored } from "../harness/processes/versions.ts";
import { lossySuite } from "../scenarios/lossySuite.ts";

onEachVersion("links that lose messages, servers as processes", (version) => {
  whereStored(version, "with persistence", () => lossySuite(version, true));
  describe("without", () => lossySuite(version, false));
});
