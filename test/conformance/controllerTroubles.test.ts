// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { installed } from "../harness/processes/installed.ts";
import { NatsRelay } from "../harness/processes/natsRelay.ts";
import { Relays } from "../harness/processes/relays.ts";
import { roundTrip } from "../harness/processes/roundTrip.ts";
import { until } from "../harness/processes/until.ts";
import { DEFAULT_VERSION } from "../harness/processes/versions.ts";

/** A clock that is wrong: what a program takes for the date is told by a file. */
class Clock {
  #folder = "";

  async make(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "ops-nats-clock-"));
    await this.ahead(0);
    const text = `const { readFileSync } = require("node:fs"), now = Date.now;
Date.now = () => now() + 1000 * Number(readFileSync(${JSON.stringify(this.#file)}, "utf8"));\n`;
    await writeFile(this.program, text);
  }

  /** What Node loads before the program. */
  get program(): string {
    return join(this.#folder, "clock.cjs");
  }

  /** At once: it may be read just then. */
  async ahead(seconds: number): Promise<void> {
    await writeFile(`${this.#file}.new`, `${seconds}`);
    await rename(`${this.#file}.new`, this.#file);
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, "ahead");
  }
}

describe("a controller whose clock is wrong, whose requests fail, whose servers are down", () => {
  const clock = new Clock();
  before("make the clock", () => clock.make());
  after("remove the clock", () => clock.remove());
  const requests = new NatsRelay();
  after("close its ports", () => requests.close());
  const relays = new Relays();
  after("close the ports", () => relays.close());
  const nats = installed(DEFAULT_VERSION, {
    listed: ["edge-1"],
    edges: ["edge-1"],
    primary: { persistence: { enabled: true, size: "1Gi" } },
  });

  /** Does something with the streams of a cluster, as its controller. */
  async function streamsOf<T>(cluster: string, act: (streams: JetStreamManager["streams"]) => Promise<T>): Promise<T> {
    const login = cluster === "primary" ? nats().deployed.controller.login : nats().login(cluster);
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

  /** The controller, started anew with such a clock, and by such ports; all that it then says. */
  async function troubled(cluster: string) {
    const controller = nats().controller(cluster);
    controller.clock = clock.program;
    controller.urls = await requests.of(nats().cluster(cluster).servers);
    await controller.kill();
    await controller.planned();
    const before = controller.log.length;
    return { controller, says: (text: string | RegExp, seconds = 60) => controller.says(text, seconds, before) };
  }

  it("counts a new stream only when its clock is not years behind; then all comes", async () => {
    await arrive("edge-1", 0);
    await clock.ahead(Date.parse("2020-01-01") / 1000 - Math.floor(Date.now() / 1000));
    const { says } = await troubled("edge-1");
    await nats().cluster("edge-1").empty(0);
    await says("stream ops does not count on: the clock of this node is years behind");
    assert.deepEqual((await configOf("edge-1", "ops")).subjects, ["ops"], "nothing is stored yet");
    await clock.ahead(0);
    await says(/stream ops: (made|changed)\n/);
    await says("consumer ops.edge-1: made");
    await arrive("edge-1", 0);
  });

  it("counts a new stream whose answer is missed, and is ready", async () => {
    requests.missed = "STREAM.PURGE.ops";
    const { controller, says } = await troubled("edge-1");
    await nats().cluster("edge-1").empty(0);
    await says("stream ops does not count on");
    await says(/stream ops: (made|changed)\n/);
    requests.missed = undefined;
    const before = controller.log.length;
    await controller.kill();
    await controller.planned();
    assert.ok(!controller.log.slice(before).includes("changed"), "all was as planned");
    await arrive("edge-1", 0);
  });

  for (const request of ["STREAM.PURGE.own-nats-2", "STREAM.UPDATE.in"]) {
    it(`reads a server's stream whose disk was lost, and loses nothing, where the answer to ${request} is missed`, async () => {
      await arrive("primary", 2);
      requests.missed = request;
      const { controller, says } = await troubled("primary");
      await nats().cluster("primary").empty(2);
      await says(request.includes("PURGE") ? "stream own-nats-2 does not count on" : "stream in is not changed");
      requests.missed = undefined;
      await until("all to be as planned again", async () => {
        const { sources = [] } = await configOf("primary", "in");
        return sources.some(({ name }) => name === "own-nats-2") && (await countsOn("own-nats-2"));
      });
      await controller.planned();
      await arrive("primary", 2);
    });
  }

  it("goes on when its clock is set back", async () => {
    await clock.ahead(7200);
    const { says } = await troubled("primary");
    await streamsOf("primary", (streams) => streams.update("ops", { max_bytes: 1e8 }));
    await clock.ahead(0);
    await says("stream ops: changed", 120); // by that clock: in two hours
    await arrive("edge-1", 0);
  });

  it("reads a server's stream whose disk was lost only when that counts on, however many looks that takes", async () => {
    await arrive("primary", 1);
    const { controller, says } = await troubled("primary");
    const before = controller.log.length;
    requests.refused = "STREAM.PURGE.own-nats-1";
    await nats().cluster("primary").empty(1);
    await says("stream own-nats-1 does not count on");
    await until("it to be tried three times", async () => requests.refusals >= 3);
    const sources = async () => (await configOf("primary", "in")).sources?.map(({ name }) => name);
    for (let look = 0; look < 40; look++) {
      assert.deepEqual(await sources(), ["own-nats-0", "own-nats-2", "ops"], "it is not put back meanwhile");
      await pause(100);
    }
    assert.ok(!controller.log.slice(before).includes("it counts on from now"));
    requests.refused = undefined;
    await says("stream own-nats-1: it began with nothing, it counts on from now");
    await controller.planned();
    await arrive("primary", 1);
  });

  it("passes by no stream whose server does not tell when it started: it looks again until that does", async () => {
    await arrive("primary", 0);
    const controller = nats().controller("primary");
    const { servers } = nats().cluster("primary");
    let tells = false;
    controller.monitors = await relays.of(servers, (path, page) =>
      path === "/varz" && !tells ? { ...page, status: 503 } : page,
    );
    await controller.kill();
    const before = controller.log.length;
    await controller.planned();
    await nats().cluster("primary").empty(0);
    await controller.says("stream own-nats-0 is not looked at: its server does not tell when it started", 60, before);
    const from = controller.log.length;
    await pause(6000); // two looks
    const said = controller.log.slice(from);
    assert.doesNotMatch(said, /counts on from now|all streams are as planned/);
    tells = true;
    await controller.says("stream own-nats-0: it began with nothing, it counts on from now", 60, before);
    await controller.planned();
    await arrive("primary", 0);
    controller.monitors = undefined;
    await controller.kill();
    await controller.planned();
  });

  it("makes a stream anew that others read while another server is down, and is ready a quarter of a minute later", async () => {
    const controller = nats().controller("primary");
    await arrive("primary", 2);
    await controller.stop(); // it would make the stream anew between these lines
    await nats().server("primary", 1).kill();
    // where that was the leader of all, another has to be elected first
    await until("a stream to be deleted", async () => {
      const names = await streamsOf("primary", async (streams) => {
        await streams.delete("own-nats-2").catch(() => undefined); // it may be gone, and its answer missed
        return streams.names().next();
      });
      return !names.includes("own-nats-2");
    });
    const before = controller.log.length;
    await controller.start(nats().deployed.controller);
    await controller.says("servers that do not answer: nats-1", 60, before);
    const moment = Date.now();
    await controller.says(/stream own-nats-2: (made|changed)\n/, 60, before); // changed: at a second look, where the intake gave no answer
    await controller.planned();
    assert.ok(Date.now() - moment > 13_000, "one that was only slow would have been left out");
    await arrive("primary", 2);
    await nats().server("primary", 1).start();
    await nats().server("primary", 1).healthy(); // it answers the controller before it has its streams
    await controller.says("servers that do not answer: none", 60, before);
    await arrive("primary", 1);
  });
});
