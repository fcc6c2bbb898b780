// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:os";

/** mocha lets a rejection that nobody waits for pass as green; here it ends the run. */
process.on("unhandledRejection", (reason) => {
  throw reason;
});

/** Node ends at a signal without telling anyone; so servers that are processes of the tests end, too. (Clusters: `npm run sandbox -- down`.) */
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
