// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { installed } from "./installed.ts";
import { Relays } from "./relays.ts";
import { roundTrip } from "./roundTrip.ts";
import { until } from "./until.ts";
import { DEFAULT_VERSION } from "./versions.ts";

/** Programs that stand before the keeper's own: a clock that is wrong, and a request that gets no answer. */
class Shims {
  folder = "";

  async make(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), "ops-nats-shims-"));
    const [ahead, refused, missed] = ["ahead", "refused", "missed"].map((name) => join(this.folder, name));
    await this.#program("date", `[ "$*" != +%s ] || { echo $(($(date +%s) + $(cat ${ahead}))); exit; }`);
    await this.#program(
      "nats",
      `word=$(cat ${refused})\ncase $* in *"$word"*) echo "refused by a test" >&2; exit 1 ;; esac\n` +
        `word=$(cat ${missed})\ncase $* in *"$word"*) nats "$@" >/dev/null 2>&1; echo "missed by a test" >&2; exit 1 ;; esac`,
    );
    await this.clock(0);
    await this.refuse("nothing of all that it asks");
    await this.miss("nothing of all that it asks");
  }

  /** By how many seconds the keeper's clock is ahead. */
  clock(ahead: number): Promise<void> {
    return this.#tell("ahead", `${ahead}`);
  }

  /** A request that has this in it is not sent. */
  refuse(word: string): Promise<void> {
    return this.#tell("refused", word);
  }

  /** The answer to a request that has this in it is missed; what it asks for is done. */
  miss(word: string): Promise<void> {
    return this.#tell("missed", word);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** At once: it may be read just then. */
  async #tell(file: string, text: string): Promise<void> {
    const path = join(this.folder, file);
    await writeFile(`${path}.new`, `${text}\n`);
    await rename(`${path}.new`, path);
  }

  /** One that does this first, and then what the program of that name would have done. */
  async #program(name: string, first: string): Promise<void> {
    const text = `#!/bin/sh\nPATH=\${PATH#*:}\n${first}\nexec ${name} "$@"\n`;
    await writeFile(join(this.folder, name), text, { mode: 0o755 });
  }
}

describe("a keeper whose clock is wrong, whose requests fail, whose servers are down", () => {
  const shims = new Shims();
  before("make the programs", () => shims.make());
  after("remove the programs", () => shims.remove());
  const relays = new Relays();
  after("close the ports", () => relays.close());
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });

  /** Does something with the streams of a cluster, as its keeper. */
  async function streamsOf<T>(cluster: string, act: (streams: JetStreamManager["streams"]) => Promise<T>): Promise<T> {
    const login = cluster === "primary" ? nats().deployed.keeper?.login : nats().login(cluster);
    const client = await nats().connect(nats().server(cluster), login);
    const answer = await act((await jetstreamManager(client)).streams);
    await client.close();
    return answer;
  }

  const configOf = (cluster: string, stream: string) =>
    streamsOf(cluster, async (streams) => (await streams.info(stream)).config);

  const countsOn = (stream: string) =>
    streamsOf("primary", async (streams) => (await streams.info(stream)).state.first_seq > 1e15);

  async function arrive(cluster: string, ordinal: number): Promise<void> {
    const { said, found } = await roundTrip(nats(), cluster, ordinal, 3);
    assert.deepEqual(found, said);
  }

  /** The keeper, started anew with the programs before its own; all that it then says. */
  async function troubled(cluster: string) {
    const keeper = nats().keeper(cluster);
    keeper.shims = shims.folder;
    await keeper.kill();
    await keeper.planned();
    const before = keeper.log.length;
    return { keeper, says: (text: string | RegExp, seconds = 60) => keeper.says(text, seconds, before) };
  }

  it("counts a new stream only when its clock is not years behind; then all comes", async () => {
    await arrive("edge-1", 0);
    await shims.clock(Date.parse("2020-01-01") / 1000 - Math.floor(Date.now() / 1000));
    const { says } = await troubled("edge-1");
    await nats().cluster("edge-1").empty(0);
    await says("stream ops does not count on: the clock of this node is years behind");
    assert.deepEqual((await configOf("edge-1", "ops")).subjects, ["ops"], "nothing is stored yet");
    await shims.clock(0);
    await says("stream ops: changed");
    await says("consumer ops.edge-1: made");
    await arrive("edge-1", 0);
  });

  it("counts a new stream whose answer is missed, and is ready", async () => {
    await shims.miss("STREAM.PURGE.ops");
    const { keeper, says } = await troubled("edge-1");
    await nats().cluster("edge-1").empty(0);
    await says("stream ops does not count on");
    await says("stream ops: changed");
    await shims.miss("nothing any more");
    const before = keeper.log.length;
    await keeper.kill();
    await keeper.planned();
    assert.ok(!keeper.log.slice(before).includes("changed"), "all was as planned");
    await arrive("edge-1", 0);
  });

  for (const request of ["STREAM.PURGE.own-nats-2", "STREAM.UPDATE.in"]) {
    it(`reads a server's stream whose disk was lost, and loses nothing, where the answer to ${request} is missed`, async () => {
      await arrive("primary", 2);
      await shims.miss(request);
      const { keeper, says } = await troubled("primary");
      await nats().cluster("primary").empty(2);
      await says(
        request.includes("PURGE") ? "stream own-nats-2 does not count on" : `source own-nats-2 of in is not taken out`,
      );
      await shims.miss("nothing any more");
      await until("all to be as planned again", async () => {
        const { sources = [] } = await configOf("primary", "in");
        return sources.some(({ name }) => name === "own-nats-2") && (await countsOn("own-nats-2"));
      });
      await keeper.planned();
      await arrive("primary", 2);
    });
  }

  it("goes on when its clock is set back", async () => {
    await shims.clock(7200);
    const { says } = await troubled("primary");
    await streamsOf("primary", (streams) => streams.update("ops", { max_bytes: 1e8 }));
    await shims.clock(0);
    await says("stream ops: changed", 120); // by that clock: in two hours
    await arrive("edge-1", 0);
  });

  it("reads a server's stream whose disk was lost only when that counts on, however many looks that takes", async () => {
    await arrive("primary", 1);
    const { keeper, says } = await troubled("primary");
    const before = keeper.log.length;
    await shims.refuse("STREAM.PURGE.own-nats-1");
    await nats().cluster("primary").empty(1);
    await says(/(stream own-nats-1 does not count on[\s\S]*){3}/);
    const sources = async () => (await configOf("primary", "in")).sources?.map(({ name }) => name);
    for (let look = 0; look < 40; look++) {
      assert.deepEqual(await sources(), ["own-nats-0", "own-nats-2", "ops"], "it is not put back meanwhile");
      await pause(100);
    }
    assert.ok(!keeper.log.slice(before).includes("it counts on from now"));
    await shims.refuse("nothing any more");
    await says("stream own-nats-1: it began with nothing, it counts on from now");
    await keeper.planned();
    await arrive("primary", 1);
  });

  it("passes by no stream whose server does not tell when it started: it looks again until that does", async () => {
    await arrive("primary", 0);
    const keeper = nats().keeper("primary");
    const { servers } = nats().cluster("primary");
    let tells = false;
    keeper.monitors = await relays.of(servers, (path, page) =>
      path === "/varz" && !tells ? { ...page, status: 503 } : page,
    );
    await keeper.kill();
    const before = keeper.log.length;
    await keeper.says("stream own-nats-0 is not looked at: its server does not tell when it started", 60, before);
    await nats().cluster("primary").empty(0);
    await pause(6000); // two looks
    const said = keeper.log.slice(before);
    assert.doesNotMatch(said, /counts on from now|all streams are as planned/);
    tells = true;
    await keeper.says("stream own-nats-0: it began with nothing, it counts on from now", 60, before);
    await keeper.planned();
    await arrive("primary", 0);
    keeper.monitors = undefined;
    await keeper.kill();
    await keeper.planned();
  });

  it("makes a stream anew that others read while another server is down, and is ready a quarter of a minute later", async () => {
    const keeper = nats().keeper("primary");
    await arrive("primary", 2);
    await keeper.stop(); // it would make the stream anew between these lines
    await nats().server("primary", 1).kill();
    // where that was the leader of all, another has to be elected first
    await until("a stream to be deleted", async () => {
      const names = await streamsOf("primary", async (streams) => {
        await streams.delete("own-nats-2").catch(() => undefined); // it may be gone, and its answer missed
        return streams.names().next();
      });
      return !names.includes("own-nats-2");
    });
    const before = keeper.log.length;
    await keeper.start(nats().deployed.keeper ?? assert.fail("no keeper"));
    await keeper.says("servers that do not answer: nats-1", 60, before);
    const moment = Date.now();
    await keeper.says(/stream own-nats-2: (made|changed)\n/, 60, before); // changed: at a second look, where the intake gave no answer
    await keeper.planned();
    assert.ok(Date.now() - moment > 13_000, "one that was only slow would have been left out");
    await arrive("primary", 2);
    await nats().server("primary", 1).start();
    await nats().server("primary", 1).healthy(); // it answers the keeper before it has its streams
    await keeper.says("servers that do not answer: none", 60, before);
    await arrive("primary", 1);
  });
});
