// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { edgeAccount } from "../nats/accounts.ts";
import type { StreamInfo } from "./observed.ts";

/**
 * While a server copies what it has missed, the others do not cut the logs that they keep for replicas, for a minute and more (decision 9), and what edges
 * bring would fill disks beside the streams. So edges that have much to bring are told to pause until the logs are cut. Nothing that is under way is touched.
 */
export interface Braking {
  /** Since when edges pause (uptime); undefined: none does. */
  readonly since: number | undefined;
  /** It went on for too long: logs that are not cut by then are not cut for another reason. */
  readonly givenUp: boolean;
  /** By cluster: by which subject it was told to pause, and when (uptime). */
  readonly paused: Readonly<Record<string, Paused>>;
}

interface Paused {
  readonly subject: string;
  readonly at: number;
}

export const RELEASED: Braking = { since: undefined, givenUp: false, paused: {} };

/** A log that a server keeps for replicas of a stream, as `/raftz` tells of it. */
export interface Log {
  readonly bytes: number;
  /** It copies the log, or then the messages. */
  readonly copies: boolean;
}

/** What one look finds. */
export interface Logs {
  /** By server; undefined where one does not say. */
  readonly servers: readonly (readonly Log[] | undefined)[];
  /** Accounts that have a link. */
  readonly linked: ReadonlySet<string>;
  /** The stream that edges bring their events into; undefined where it cannot be asked for, or need not. */
  readonly intake: StreamInfo | undefined;
}

export type BrakeAction =
  /** For a minute. */
  | { readonly do: "pause"; readonly cluster: string; readonly subject: string }
  | { readonly do: "resume"; readonly cluster: string; readonly subject: string };

export interface Braked {
  readonly actions: readonly BrakeAction[];
  readonly memory: Braking;
  readonly said: readonly string[];
}

/** Seconds: of a pause, after which it is asked for again, and for how long edges pause at most (they wait, and lose what they have no room for). */
export const PAUSE = 60;
const AGAIN = 30;
const LONGEST = 270;
/** Events by which an edge has to be behind: more than is on its way. */
const BEHIND = 500;

/** Above how many bytes of a log edges pause: a server that copies has them do so long before the limit, and they go on when logs are well below it. */
function limitOf(above: number, logs: readonly Log[], memory: Braking): number {
  const limit = logs.some(({ copies }) => copies) ? above / 4 : above;
  return Math.floor(memory.since === undefined ? limit : limit / 2);
}

const longestOf = (logs: readonly Log[]): number => Math.max(0, ...logs.map(({ bytes }) => bytes));
const all = ({ servers }: Pick<Logs, "servers">): readonly Log[] => servers.flatMap((logs) => logs ?? []);

/** Whether the intake and the links have to be asked for. */
export const isLong = (above: number, seen: Pick<Logs, "servers">, memory: Braking): boolean =>
  longestOf(all(seen)) > limitOf(above, all(seen), memory);

/**
 * What follows from a look at the logs. As long as a server does not say how long its logs are, nobody is told to go on: it may be the one, and a pause
 * ends by itself.
 * @param above bytes of one log above which edges pause
 * @param uptime seconds
 */
export function brake(above: number, seen: Logs, memory: Braking, uptime: number): Braked {
  const longest = longestOf(all(seen));
  const paused = Object.entries(memory.paused);
  const resume = paused.map(([cluster, { subject }]) => ({ do: "resume" as const, cluster, subject }));
  if (isLong(above, seen, memory)) {
    if (memory.since !== undefined && uptime - memory.since >= LONGEST) {
      const said = memory.givenUp
        ? []
        : [`logs of replicas have ${longest} bytes, and are not cut: edges that paused go on`];
      return { actions: resume, memory: { ...memory, givenUp: true }, said };
    }
    const late = behind(seen.intake).filter(({ cluster }) => {
      const at = memory.paused[cluster]?.at;
      return seen.linked.has(edgeAccount(cluster)) && (at === undefined || uptime - at >= AGAIN);
    });
    if (late.length === 0) return { actions: [], memory, said: [] };
    const said =
      memory.since === undefined
        ? [`logs of replicas have ${longest} bytes: edges that are behind pause until these are cut`]
        : [];
    const asked = Object.fromEntries(late.map(({ cluster, subject }) => [cluster, { subject, at: uptime }]));
    return {
      actions: late.map((one) => ({ do: "pause" as const, ...one })),
      memory: { ...memory, since: memory.since ?? uptime, paused: { ...memory.paused, ...asked } },
      said,
    };
  }
  if (!seen.servers.includes(undefined)) {
    const done = memory.since !== undefined && paused.length === 0;
    if (paused.length > 0) return { actions: resume, memory, said: [] };
    return {
      actions: [],
      memory: RELEASED,
      said: done ? [`logs of replicas have ${longest} bytes: edges that paused go on`] : [],
    };
  }
  const over = paused.every(([, { at }]) => uptime - at >= PAUSE);
  return { actions: [], memory: over ? { ...memory, since: undefined, givenUp: false } : memory, said: [] };
}

/** Edges whose source is behind, and by which subject each is told to pause. */
function behind(intake: StreamInfo | undefined): readonly { readonly cluster: string; readonly subject: string }[] {
  const planned = (intake?.config.sources ?? []).filter(({ external }) => external !== undefined);
  return (intake?.sources ?? [])
    .filter(({ lag, external }) => lag > BEHIND && external !== undefined)
    .flatMap(({ external }) =>
      planned.flatMap((source) => {
        const { name, consumer } = source;
        if (source.external === undefined || source.external.deliver !== external?.deliver || !consumer) return [];
        const cluster = source.external.deliver.replace(/^up\./, "");
        return [{ cluster, subject: `${source.external.api}.CONSUMER.PAUSE.${name}.${consumer.name}` }];
      }),
    );
}

/** One that did not pause is asked again at the next look; one that goes on is forgotten. */
export function answered(memory: Braking, { do: what, cluster }: BrakeAction, done: boolean, uptime: number): Braking {
  const { [cluster]: asked, ...others } = memory.paused;
  if (asked === undefined) return memory;
  if (what === "pause")
    return done ? memory : { ...memory, paused: { ...others, [cluster]: { ...asked, at: uptime - AGAIN } } };
  // who does not answer goes on by itself
  return done || uptime - asked.at > PAUSE + AGAIN ? { ...memory, paused: others } : memory;
}
