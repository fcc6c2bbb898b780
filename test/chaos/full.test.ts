// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { SMALLEST } from "../../config/schema.ts";
import type { Installation } from "../harness/processes/installation.ts";
import { installed } from "../harness/processes/installed.ts";
import { siteOf } from "../harness/processes/site.ts";
import { until } from "../harness/processes/until.ts";
import { onEachVersion, whereStored } from "../harness/processes/versions.ts";
import { NO_ROOM } from "../scenarios/ledger.ts";
import { complaints, during } from "../scenarios/scenario.ts";

const EDGES = ["edge-1", "edge-2"];
const load = { steady: 1000, each: 10, size: 2000 };
/** Fills an edge's stream in a minute or two. */
const LARGE = { ...load, size: 8000 };

/** Seconds that a fault took with persistence: without it, the same for as long (a minute where only that side runs). */
const took = new Map<string, number>();
const MINUTE = 60;

/** The same outage of plain core NATS, which has no stream and no disk that could be full. */
function plain(
  version: string,
  title: string,
  edges: readonly string[],
  act: (nats: Installation, seconds: number) => Promise<void>,
) {
  describe(`${title}, without persistence`, () => {
    const nats = installed(version, { listed: edges, edges });

    it("shows what is lost", async function () {
      this.timeout(600_000);
      const seconds = took.get(version + title) ?? MINUTE;
      const outcomes = await during(siteOf(nats(), edges, false), title, () => act(nats(), seconds), { load });
      assert.ok(outcomes.every(({ sent }) => sent > 0));
    });
  });
}

async function timed(version: string, title: string, act: () => Promise<void>): Promise<void> {
  const started = Date.now();
  await act();
  took.set(version + title, (Date.now() - started) / 1000);
}

onEachVersion("an edge's stream is full", (version) => {
  for (const [whenFull, told] of [
    ["keep-oldest", /stream ops: full .* refused/],
    ["keep-newest", /stream ops: full .* give way/],
  ] as const) {
    const title = `an edge cut off until its stream was full (${whenFull})`;
    whereStored(version, whenFull, () => {
      const nats = installed(version, {
        listed: ["edge-1"],
        edges: ["edge-1"],
        primary: { persistence: { enabled: true, size: "8Gi", whenFull } },
        edge: { persistence: { size: SMALLEST.edge } },
      });

      it("does as it was told, which the controller says; all that is stored then arrives, in order", async function () {
        this.timeout(600_000);
        const outcomes = await during(
          siteOf(nats(), ["edge-1"]),
          title,
          async () => {
            nats().nodePort.break();
            const log = () => nats().controller("edge-1").log;
            await timed(version, title, async () => {
              await until("the controller to say it", () => told.test(log()), log, 180);
              await pause(5000);
            });
            nats().nodePort.mend();
            if (whenFull === "keep-newest") await pause(10_000);
          },
          { load: LARGE },
        );
        const edge = outcomes[0] ?? assert.fail();
        assert.ok(edge.stored < edge.sent, "some are not there");
        // what was fetched and has given way since is in ops and no longer at the edge
        const judged = whenFull === "keep-newest" ? outcomes.map((outcome) => ({ ...outcome, strange: 0 })) : outcomes;
        assert.deepEqual(complaints(judged), []);
      });
    });
    plain(version, title, ["edge-1"], async (nats, seconds) => {
      await nats.nodePort.broken(() => pause(seconds * 1000));
      if (whenFull === "keep-newest") await pause(10_000);
    });
  }
});

onEachVersion("a disk is full", (version) => {
  /** Where a disk that is full is: the edge's, or that of one of the primary's three servers. */
  for (const [cluster, ordinal] of [["edge-1", 0] as const, ["primary", 1] as const]) {
    const title = `the disk full, of ${cluster === "primary" ? "a server of the primary" : "an edge"}`;
    // Needs root, for a disk of its own.
    whereStored(version, `that of ${cluster}`, () => {
      const nats = installed(version, {
        listed: EDGES,
        edges: EDGES,
        primary: { persistence: { enabled: true, size: "8Gi" } },
        edge: { persistence: { size: "1Gi" } },
      });
      const folder = () => nats().cluster(cluster).storeFolder(ordinal);
      const mount = (...options: string[]) => execa("mount", [...options, folder()]);

      it("is told by the server, and by the controller; with room again, all that edges have stored arrives", async function () {
        this.timeout(600_000);
        const server = nats().server(cluster, ordinal);
        const controller = () => nats().controller(cluster).log;
        await server.kill();
        await rm(folder(), { recursive: true });
        await mkdir(folder(), { recursive: true });
        await mount("-t", "tmpfs", "-o", "size=40m", "tmpfs");
        try {
          const made = controller().length;
          await server.start();
          const again = () => cluster === "primary" || controller().slice(made).includes("stream ops: made");
          await until("the stream", again, controller, 60);
          const outcomes = await during(
            siteOf(nats(), EDGES),
            title,
            async () => {
              if (cluster !== "primary") nats().nodePort.break();
              await timed(version, title, async () => {
                const said = () => NO_ROOM.test(server.log);
                await until("the server to say it", said, () => server.log, 120);
                const told = () => controller().includes(`servers that are not well: nats-${ordinal}`);
                await until("the controller to say it", told, controller, 90);
              });
              await mount("-o", "remount,size=2g");
              await server.kill();
              await server.start();
              nats().nodePort.mend();
              await pause(5000);
            },
            { load, seconds: 180 },
          );
          assert.deepEqual(complaints(outcomes), []);
        } finally {
          await server.kill();
          await execa("umount", [folder()]);
        }
      });
    });
    plain(version, title, EDGES, async (nats, seconds) => {
      if (cluster !== "primary") nats.nodePort.break();
      await pause(seconds * 1000);
      const server = nats.server(cluster, ordinal);
      await server.kill();
      await server.start();
      nats.nodePort.mend();
      await pause(5000);
    });
  }
});
