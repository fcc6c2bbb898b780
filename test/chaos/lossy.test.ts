// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { lossySuite } from "../conformance/lossySuite.ts";
import { onEachVersion, whereStored } from "../conformance/versions.ts";

onEachVersion("links that lose messages, servers as processes", (version) => {
  whereStored(version, "with persistence", () => lossySuite(version, true));
  describe("without", () => lossySuite(version, false));
});
