// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** What happens to events when a stream has reached its size: the oldest give way, or new ones are refused. */
export const WHEN_FULL = ["keep-newest", "keep-oldest"] as const;
