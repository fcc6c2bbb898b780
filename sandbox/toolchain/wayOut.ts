// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** What every message ends with that says why the sandbox cannot be here. */
export const wayOut =
  'Clusters of your own do as well: see the README, "On your own clusters", or make some with kind (https://kind.sigs.k8s.io) and set kubernetes:context.';
