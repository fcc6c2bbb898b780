// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { Installation, type Plan } from "./installation.ts";

/**
 * Hooks of a suite: installs before it, shows the servers' logs when a test fails, takes all down after it. With streams, also
 * fails when any server has dropped what came too fast: in every suite, whatever it is about.
 */
export function installed(version: string, plan: Plan): () => Installation {
  let installation: Installation | undefined;
  const showLogs = () => {
    if (installation) console.error(installation.logs());
  };
  before("install", async function () {
    this.timeout(0); // the first run builds nats-server
    // what `npm run test:chaos` records is of a real disk
    const inMemory = process.env.OUTCOMES === undefined;
    installation = new Installation(version, { inMemory, ...plan });
    await installation.start().catch((error) => {
      showLogs();
      throw error;
    });
  });
  afterEach("show logs of a failure", function () {
    if (this.currentTest?.isFailed()) showLogs();
  });
  after("take down", () => installation?.stop());
  after("no server has dropped what it was to store or hand on", () => {
    if (plan.primary?.persistence !== undefined) assert.deepEqual(installation?.drops(), []);
  });
  return () => {
    if (!installation) throw new Error("before the suite");
    return installation;
  };
}
