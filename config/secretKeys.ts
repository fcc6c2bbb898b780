// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Keys that hold passwords: they may be secret, have to be, and nothing of them is ever shown. */
export const SECRET_KEYS: readonly string[] = ["extraAccounts", "extraRemotes"];
