// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { OLDER, upgradeSuite } from "./upgradeSuite.ts";

for (const version of OLDER) {
  describe(`nothing that servers of ${version} have stored is lost, doubled or out of order when newer ones take over`, () =>
    upgradeSuite(version, true));
}
