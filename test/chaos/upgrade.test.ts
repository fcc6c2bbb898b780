// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { OLDER, upgradeSuite } from "../conformance/upgradeSuite.ts";

for (const version of OLDER) {
  for (const persistent of [true, false]) {
    describe(`servers of ${version} upgraded, ${persistent ? "with" : "without"} persistence`, () =>
      upgradeSuite(version, persistent));
  }
}
