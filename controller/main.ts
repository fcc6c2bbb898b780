// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import {
  type ConnectionOptions,
  connect,
  type NatsConnection,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import type { Plan } from "../nats/streams.ts";
import { watchAdvisories } from "./advisories.ts";
import { Controller } from "./controller.ts";
import { pages } from "./http.ts";
import { JetStream } from "./jetstream.ts";
import { inCluster } from "./kubernetes.ts";
import { Turn } from "./lease.ts";
import { Log } from "./log.ts";
import { Monitor } from "./monitor.ts";
import { StrayWatch } from "./watch.ts";

// The controller of one cluster's streams, as a process. Environment:
// PLAN: the file with the plan; NATS_URL; NATS_USER, NATS_PASSWORD_FILE, where streams are planned; MONITORS: `<pod>=<url>` of each server, separated by blanks; PORT: of its pages;
// LEASE: `<namespace>/<name>` in the cluster that it runs in (without it, it takes itself for the only one);
// WATCH_USER, WATCH_PASSWORD_FILE, WATCH_SECONDS: at an edge, the login by which strays are counted, and the seconds between two reports.

const log = new Log();

function setting(name: string, otherwise?: string): string {
  const value = process.env[name] ?? otherwise;
  if (value === undefined) throw new Error(`${name}: expected in the environment; came nothing`);
  return value;
}

/** Seconds without one look after which it is not alive any more. */
const STUCK = 60;

async function main(): Promise<void> {
  const uptime = () => performance.now() / 1000;
  const plan = JSON.parse(readFileSync(setting("PLAN"), "utf8")) as Plan;
  const servers = setting("MONITORS")
    .split(" ")
    .map((text) => {
      const [name = "", url = ""] = text.split("=");
      return { name, url };
    });
  const turn = leased(uptime);
  const stop = new AbortController();
  /** Undefined until it is connected: who waits for servers is not stuck. */
  let looked: number | undefined;
  let controller: Controller | undefined;
  const server = pages({
    alive: () => looked === undefined || uptime() - looked < STUCK,
    ready: () => controller?.ready ?? false,
    status: () => controller?.status,
  }).listen(Number(setting("PORT", "8080")));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

  const names = plan.streams.map(({ config }) => config.name);
  log.say("info", `keeping ${names.join(", ") || "no streams"}`);
  // who keeps nothing has no login
  const connection = names.length > 0 ? await connected("ops-nats controller", "NATS", stop.signal) : undefined;
  if (stop.signal.aborted) return;
  const parts = {
    plan,
    jetStream: new JetStream(connection ?? NOBODY),
    monitor: new Monitor(servers),
    log,
    clock: () => ({ date: Date.now(), uptime: uptime() }),
  };
  const looking = new Controller({ ...parts, mine: () => turn?.mine ?? true });
  controller = looking;
  if (connection) watchAdvisories(connection, plan, () => looking.noticed());

  const every = async (seconds: number, what: string, act: () => Promise<unknown> | unknown): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await act();
      } catch (error) {
        looking.failed(`${what}: ${(error as Error).message}`);
      }
      await pause(seconds * 1000, undefined, { signal: stop.signal }).catch(() => {});
    }
  };
  const look = async () => {
    looked = uptime();
    if (turn?.mine ?? true) await looking.tick();
  };
  const renewed = async (of: Turn) => {
    if (!(await of.take())) looking.waits(`waits for its turn: Lease ${process.env.LEASE} is held by ${of.holder}`);
  };
  // beside the looks: streams are kept also where strays cannot be counted
  const strays = async (of: NonNullable<Plan["watch"]>) => {
    const watching = await watched(of, stop.signal);
    if (watching === undefined) return;
    await every(watching.seconds, "the report failed", () => watching.watch.tick());
    await watching.connection.close();
  };
  await turn?.take().catch(() => {}); // or the first look would come a second later; what fails is told by the next
  await Promise.all([
    every(1, "a look failed", look),
    ...(turn ? [every(1, "no turn", () => renewed(turn))] : []),
    ...(plan.brake ? [every(1, "the brake failed", () => looking.brake())] : []),
    ...(plan.watch ? [strays(plan.watch)] : []),
  ]);
  await turn?.give().catch(() => {}); // it is taken from who says nothing more
  server.close();
  await connection?.close();
}

const refused = () => {
  throw new Error("no streams are planned, and so there is no login");
};
const NOBODY = { request: refused, publish: refused };

function leased(uptime: () => number): Turn | undefined {
  const lease = process.env.LEASE;
  if (lease === undefined) return undefined;
  const [namespace = "", name = ""] = lease.split("/");
  return new Turn(inCluster(namespace, name), hostname(), uptime);
}

async function watched(watch: NonNullable<Plan["watch"]>, signal: AbortSignal) {
  const seconds = Number(setting("WATCH_SECONDS", "60"));
  const connection = await connected("ops-nats controller, strays", "WATCH", signal);
  return connection && { connection, seconds, watch: new StrayWatch(connection, watch, log, seconds) };
}

/**
 * A connection that comes back by itself, for as long as it takes, with what is the password by then: where it changes, the file does.
 * @param login what its variables begin with
 * @returns undefined where it is told to stop before there is one
 */
async function connected(name: string, login: string, signal: AbortSignal): Promise<NatsConnection | undefined> {
  const [urls, user, file] = [setting("NATS_URL"), setting(`${login}_USER`), setting(`${login}_PASSWORD_FILE`)];
  const options: ConnectionOptions = {
    servers: urls.split(","),
    name,
    maxReconnectAttempts: -1,
    // a node that is gone says nothing: after so long another server is asked
    pingInterval: 3000,
    maxPingOut: 2,
    reconnectTimeWait: 1000,
    ignoreAuthErrorAbort: true,
    authenticator: usernamePasswordAuthenticator(user, () => readFileSync(file, "utf8")),
  };
  while (!signal.aborted) {
    try {
      const connection = await connect(options);
      void connection.closed().then((error) => {
        if (signal.aborted) return;
        // it comes back by itself from all but what it takes for final
        log.say("error", `the connection as ${user} has ended: ${error?.message ?? "without a reason"}`);
        process.exit(1);
      });
      return connection;
    } catch (error) {
      log.problems([`no connection to ${urls} as ${user}: ${(error as Error).message}`], name);
      await pause(1000, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    log.say("error", error.message);
    process.exit(1);
  },
);
