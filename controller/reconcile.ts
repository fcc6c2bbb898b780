// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { isDeepStrictEqual } from "node:util";
import { ownStream, type Plan, type PlannedConsumer, type PlannedStream, type StreamConfig } from "../nats/streams.ts";
import { merged, underWay } from "./merged.ts";
import type { Found, Moment, Observed, Server, StreamInfo } from "./observed.ts";
import { inUse, type Missed } from "./reader.ts";
import { type Certified, expiring, fullness } from "./told.ts";

/** One thing to be done to the cluster; the next one only when it was. */
export type Action =
  | { readonly do: "create stream"; readonly config: Readonly<Record<string, unknown>> & { readonly name: string } }
  | {
      readonly do: "update stream";
      readonly name: string;
      readonly config: Readonly<Record<string, unknown>>;
      readonly said: string;
    }
  /** The next event that it stores gets this number, or a higher one: it is purged up to there. */
  | { readonly do: "count on"; readonly stream: string; readonly sequence: number; readonly said: string | undefined }
  | {
      readonly do: "create consumer" | "update consumer";
      readonly stream: string;
      readonly config: Readonly<Record<string, unknown>> & { readonly name: string };
    }
  /** An empty event to whoever listens, as a sign of life. */
  | { readonly do: "publish"; readonly subject: string };

/** What is remembered between two looks. Nothing of it has to outlive the process. */
export interface Memory extends Certified {
  /** Servers that did not answer at the last look, and since when they are the same ones (uptime). */
  readonly down: readonly string[];
  readonly downSince: number;
  /** Servers that ran and were not well. */
  readonly sick: readonly string[];
  /** Streams that are read and do not count on yet: what reads stays as it is meanwhile. */
  readonly held: readonly string[];
  /** Streams that were just made, and do not have their subjects yet. */
  readonly made: readonly string[];
  /** Streams that have come to their limits. */
  readonly full: readonly string[];
  /** Consumers that are missed, by `<stream>.<consumer>`. */
  readonly missed: Readonly<Record<string, Missed>>;
}

export const BEGINNING: Memory = {
  down: [],
  downSince: 0,
  sick: [],
  held: [],
  made: [],
  full: [],
  missed: {},
  expiry: 0,
  ends: {},
};

export interface Outcome {
  /** In this order. */
  readonly actions: readonly Action[];
  readonly memory: Memory;
  /** What has come to be, for the log. */
  readonly said: readonly string[];
  /** The same of what wants somebody to do something. */
  readonly warned: readonly string[];
  /** Why not all is as planned, beside what `actions` will change. */
  readonly problems: readonly string[];
  /** Servers whose own streams are looked at when they are back. */
  readonly absent: readonly string[];
}

/** Which pages of its servers a look needs beside what it always has. */
export interface Needs {
  readonly varz: boolean;
  readonly leafz: boolean;
}

/** Streams that others read count in microseconds since 1970, so that a wiped one is past all that was ever taken from it; none of before 2026. */
const COUNTED = 1e15;
const OLDEST = Date.UTC(2026, 0, 1);

/** Seconds: a server that does not answer may only have been slow. */
const RECENT = 15;

const keyOf = ({ stream, config }: PlannedConsumer): string => `${stream}.${config.name}`;
const isCounted = ({ state }: StreamInfo): boolean => state.first_seq >= COUNTED;
const isThere = <T>(found: Found<T> | undefined): found is { is: "there"; info: T } => found?.is === "there";

/** A stream wherever there is room: none is made at a server that is not there. */
const anywhere = ({ placement: _, ...config }: StreamConfig): StreamConfig => config as StreamConfig;

const whyOf = (found: Found<unknown> | undefined): string => (found?.is === "unknown" ? found.why : "it was not");

/** What to ask the servers for, once streams and consumers were asked for. */
export function needs(
  plan: Plan,
  { streams, consumers }: Pick<Observed, "streams" | "consumers">,
  memory: Memory,
  now: Moment,
): Needs {
  const uncounted = plan.streams.some(({ config, origin }) => {
    const found = streams[config.name];
    return origin && isThere(found) && !isCounted(found.info);
  });
  return {
    varz: uncounted || now.uptime >= memory.expiry,
    leafz: plan.consumers.some((planned) => planned.remote && consumers[keyOf(planned)]?.is === "missing"),
  };
}

/**
 * What follows from a look: without input or output of its own, so that each rule can be tested with a clock that stands. Whatever fails is found again
 * by the next look.
 */
export function reconcile(plan: Plan, seen: Observed, memory: Memory, now: Moment): Outcome {
  const said: string[] = [];
  const warned: string[] = [];
  const problems: string[] = [];
  const actions: Action[] = [];

  const down = seen.servers.filter(({ id }) => id === undefined).map(({ name }) => name);
  const downSince = isDeepStrictEqual(down, memory.down) ? memory.downSince : now.uptime;
  const voice = (names: readonly string[]) => (names.length > 0 ? warned : said);
  if (!isDeepStrictEqual(down, memory.down))
    voice(down).push(`servers that do not answer: ${down.join(" ") || "none"}`);
  const recent = now.uptime - downSince < RECENT || down.length === seen.servers.length;
  const sick = seen.servers.filter((server) => server.sick).map(({ name }) => name);
  if (!isDeepStrictEqual(sick, memory.sick)) {
    const why = "if any: kubectl logs <server> -c nats says why";
    voice(sick).push(`servers that are not well: ${sick.join(" ") || "none"} (${why})`);
  }

  const held = new Set(memory.held);
  const made = new Set(memory.made);
  const absent: string[] = [];
  const missed: Record<string, Missed> = {};
  const reader = plan.reader === undefined ? undefined : seen.streams[plan.reader];

  /** The server whose own stream it is. */
  const serverOf = (name: string): Server | undefined => seen.servers.find((server) => ownStream(server.name) === name);

  /** The same, where it does not answer. */
  const awayOf = (name: string): Server | undefined => {
    const server = serverOf(name);
    return server?.id === undefined ? server : undefined;
  };

  /** Takes a stream off what reads it, then has it count on. */
  const anew = (name: string): void => {
    held.add(name);
    if (reader?.is === "unknown") {
      problems.push(`stream ${plan.reader} cannot be asked for: ${reader.why}`);
      return;
    }
    if (isThere(reader) && reads(reader.info, name)) {
      const sources = (reader.info.config.sources ?? []).filter((source) => source.name !== name || source.external);
      const config = { ...reader.info.config, sources };
      const what = `source ${name} of ${plan.reader}: taken out until it counts on`;
      actions.push({ do: "update stream", name: reader.info.config.name, config, said: what });
      return;
    }
    if (now.date < OLDEST) {
      problems.push(`stream ${name} does not count on: the clock of this node is years behind: set it`);
      return;
    }
    const told = made.has(name) ? undefined : `stream ${name}: it began with nothing, it counts on from now`;
    actions.push({ do: "count on", stream: name, sequence: Math.floor(now.date * 1000), said: told });
  };

  /** @returns whether the stream is there, and as planned or about to be */
  const origin = ({ config: planned }: PlannedStream): boolean => {
    const { name } = planned;
    const [server, away] = [serverOf(name), awayOf(name)];
    const config = away ? anywhere(planned) : planned;
    const found = seen.streams[name];
    // it has no subjects of its own yet
    const begun = isThere(found) && isDeepStrictEqual(found.info.config.subjects, [name]);
    if (away) {
      absent.push(away.name);
      // whether the disk of one that is there is new is told when its server is back; one that is not is made elsewhere, and moves to its server when that comes
      if (found?.is !== "missing" && !begun) {
        held.delete(name);
        return isThere(found) && isCounted(found.info);
      }
    }
    if (found?.is === "missing") {
      const { subjects: _, ...without } = config;
      held.add(name);
      made.add(name);
      actions.push({ do: "create stream", config: { ...without, name } });
      return false;
    }
    // nobody can tell whether it counts: what reads it is not changed, for it may have been taken off that by one who is no more
    if (!isThere(found)) {
      held.add(name);
      problems.push(`stream ${name} cannot be asked for: ${whyOf(found)}`);
      return false;
    }
    const { info } = found;
    if (!isCounted(info)) {
      if (begun) {
        anew(name);
        return false;
      }
      if (server !== undefined) {
        if (server.started === undefined) {
          held.add(name);
          problems.push(`stream ${name} is not looked at: its server does not tell when it started`);
          return false;
        }
        if (isWiped(info, server.started)) {
          anew(name);
          return false;
        }
      }
    }
    held.delete(name);
    change(info, config);
    made.delete(name);
    return true;
  };

  const change = (info: StreamInfo, config: StreamConfig): void => {
    const wanted = merged(info.config, config);
    if (wanted === undefined) return;
    const said = `stream ${config.name}: ${made.has(config.name) ? "made" : "changed"}`;
    actions.push({ do: "update stream", name: config.name, config: wanted, said });
  };

  const consumersOf = (stream: string): void => {
    for (const planned of plan.consumers.filter((one) => one.stream === stream)) {
      const key = keyOf(planned);
      const found = seen.consumers[key];
      if (found?.is === "missing") {
        if (planned.remote) {
          const links = seen.servers.flatMap((server) => server.links ?? []);
          const look = inUse(planned.config.deliver_subject, links, memory.missed[key], now.uptime);
          if (memory.missed[key] === undefined)
            said.push(`consumer ${key}: is made when nobody listens to a former one, in half a minute at most`);
          missed[key] = look.missed;
          if (look.sign) actions.push({ do: "publish", subject: planned.config.deliver_subject });
          if (look.used) {
            problems.push(`consumer ${key}: somebody may still listen to a former one`);
            continue;
          }
        }
        actions.push({ do: "create consumer", stream, config: planned.config });
      } else if (isThere(found)) {
        const changed = underWay(found.info, planned.config);
        if (changed) actions.push({ do: "update consumer", stream, config: changed });
      } else if (!awayOf(stream)) problems.push(`consumer ${key} cannot be asked for: ${whyOf(found)}`);
    }
  };

  for (const planned of plan.streams.filter((stream) => stream.origin))
    if (origin(planned)) consumersOf(planned.config.name);
  if (absent.length > 0 && recent) problems.push(`servers that do not answer: ${absent.join(" ")}`);
  // what reads is made when all that it reads is there: it looks for it at once, and then after ever longer pauses
  if (held.size > 0) problems.push(`streams that do not count on yet: ${[...held].join(" ")}`);
  else {
    for (const { config } of plan.streams.filter((stream) => !stream.origin)) {
      const found = seen.streams[config.name];
      if (isThere(found)) {
        change(found.info, config);
        consumersOf(config.name);
      } else if (found?.is === "missing") {
        if (actions.length > 0 || problems.length > 0 || absent.length > 0) {
          problems.push(`stream ${config.name}: is made when all that it reads is there`);
          break;
        }
        made.add(config.name);
        actions.push({ do: "create stream", config });
        break;
      } else problems.push(`stream ${config.name} cannot be asked for: ${whyOf(found)}`);
    }
  }

  const full = fullness(seen, memory.full, said, warned);
  const certificates = expiring(plan, seen.servers, memory, now, warned);
  const next = { down, downSince, sick, held: [...held], made: [...made], full, missed, ...certificates };
  return { actions, memory: next, said, warned, problems, absent };
}

/** Whether a stream of that description reads that one of the same account. */
const reads = ({ config }: StreamInfo, name: string): boolean =>
  (config.sources ?? []).some((source) => source.name === name && source.external === undefined);

/**
 * A server's own stream whose disk was lost is there again with its server, for the cluster remembers it, and counts from one: those numbers were taken,
 * and what has them is passed over.
 */
const isWiped = ({ created, state }: StreamInfo, started: number): boolean =>
  Date.parse(created) < started && (state.messages === 0 || Date.parse(state.first_ts) >= started);
