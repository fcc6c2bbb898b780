// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Where servers listen for leafs. */
export const LEAF_TARGET_PORT = 7422;
