// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** mocha's `it` for tests that only the longer run of a suite has; elsewhere they are not there, which is not the same as skipped. */
export const itIf = (wanted: boolean): ((title: string, run: Mocha.AsyncFunc) => void) => (wanted ? it : () => {});
