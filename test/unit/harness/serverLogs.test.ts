// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ServerLogs } from "../../harness/clusters/serverLogs.ts";

const DROP = "[WRN] Dropping messages due to excessive stream ingest rate on 'STORE' > 'in': IPQ len limit reached\n";
const START = "[INF] Starting JetStream\n";

describe("what servers in pods have said", () => {
  let folder: string;
  let logs: ServerLogs;
  const pods = () => join(folder, "pods");

  /** A container's log, begun with this. */
  async function log(pod: string, text: string, file = "0.log"): Promise<string> {
    const container = join(pods(), `ops-system_${pod}`, "nats");
    await mkdir(container, { recursive: true });
    await writeFile(join(container, file), text);
    return join(container, file);
  }
  const looked = () => pause(600);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ops-nats-logs-"));
    logs = new ServerLogs(join(folder, "kept"), { primary: pods() });
    await logs.start();
  });
  afterEach(async () => {
    await logs.stop();
    await rm(folder, { recursive: true });
  });

  it("is there also when the pod is gone; each line is told once", async () => {
    const path = await log("nats-0_a", START);
    await looked();
    assert.deepEqual(await logs.drops(), []);
    await appendFile(path, DROP);
    await rm(pods(), { recursive: true });
    const found = await logs.drops();
    assert.deepEqual([found.length, found[0]?.startsWith("primary nats-0 a: ")], [1, true]);
    assert.deepEqual(await logs.drops(), []);
    assert.deepEqual(logs.storing, ["primary nats-0 a"]);
  });

  it("is there also when its server was started anew, or its log goes on in another file", async () => {
    const path = await log("nats-1_b", START);
    await looked();
    await appendFile(path, DROP);
    await rename(path, `${path}.20261125`);
    await log("nats-1_b", DROP);
    await log("nats-1_b", START + DROP, "1.log");
    assert.equal((await logs.drops()).length, 3);
  });

  it("is there whichever of a server's files says that it has streams", async () => {
    for (let n = 0; n < 12; n++) {
      // inodes, by which files are told apart, may be given in any order
      const pod = `nats-0_${n}`;
      const texts = n % 2 === 0 ? [DROP, START] : [START, DROP];
      for (const [i, text] of texts.entries()) await log(pod, text, `${i}.log`);
    }
    assert.equal((await logs.drops()).length, 12);
  });

  it("waits for a line to be whole", async () => {
    const path = await log("nats-0_a", START + DROP.slice(0, 20));
    assert.deepEqual(await logs.drops(), []);
    await appendFile(path, DROP.slice(20));
    assert.equal((await logs.drops()).length, 1);
  });

  it("is of servers that have streams, and of no other containers", async () => {
    await log("nats-0_a", DROP);
    await log("nats-box-7_c", START + DROP);
    assert.deepEqual([await logs.drops(), logs.storing], [[], []]);
  });

  it("is asked for in vain where it cannot be kept, and says so", async () => {
    await log("nats-0_a", START);
    await rm(join(folder, "kept"), { recursive: true });
    await assert.rejects(logs.drops(), /ENOENT/);
  });
});
