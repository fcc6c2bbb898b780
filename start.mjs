// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import module from "node:module";
import { fileURLToPath } from "node:url";

// Before everything else of a program: how Node reads TypeScript, and that it keeps what it has compiled (docs/decisions/0008-start.md).

/** Node 22.8 and later have it; where the folder cannot be written, it does nothing. */
module.enableCompileCache?.(fileURLToPath(new URL("node_modules/.cache/ops-nats/compiled", import.meta.url)));

/** Since 24.12 and 25.2 Node takes types off by itself, and does not warn of it. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const strips =
  process.features.typescript && (major > 25 || (major === 25 && minor >= 2) || (major === 24 && minor >= 12));
if (!strips) {
  await import("@kubernetes/client-node"); // 1,280 modules, each of which tsx would look at
  await import("tsx/esm");
}
