// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { checkSandbox } from "./cluster/sandbox.ts";
import { toolchain } from "./toolchain/toolchain.ts";

/** Finds, fetches or builds all programs of the sandbox, so that the demo and the tests start at once. */
async function setup(): Promise<void> {
  await checkSandbox(1);
  const started = Date.now();
  const { bin, pulumi } = await toolchain((text) => console.log(text));
  console.log(`Programs are in ${bin}; Pulumi: ${pulumi ? `${pulumi.command} (${pulumi.source})` : "built"}.`);
  console.log(`${((Date.now() - started) / 1000).toFixed(1)} s. Next: npm run demo`);
}

setup().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
