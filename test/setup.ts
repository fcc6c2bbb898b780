// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** mocha lets a rejection that nobody waits for pass as green; here it ends the run. */
process.on("unhandledRejection", (reason) => {
  throw reason;
});
