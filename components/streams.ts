// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { bytes, type Claim, type Retention } from "../settings.ts";
import { covers, numbered, withoutCovered } from "./subjects.ts";

/** The stream that Ops looks for, at the primary and at every edge that stores. */
export const OPS_STREAM = "ops";

/** Everything comes into the primary by this stream, filed under who sent it; `ops` takes from it what is an event. */
export const INTAKE_STREAM = "in";

/** Takes live events of edges that do not store. */
export const DIRECT_STREAM = "direct";

/**
 * The consumer by which the primary reads an edge's stream; it knows how far the primary has come. It is called as the edge,
 * for the subjects of its flow control carry its name: under one name, each edge would get every other's.
 */
export const consumerOf = (edge: string): string => edge;

/** The subject below which an edge hands up what it stored; its leaf user may publish nowhere else. */
export const handedUp = (edge: string): string => `up.${edge}`;

const deliverSubject = (edge: string): string => `${handedUp(edge)}.fetched`;

/** What a server of the primary was told by its own clients, below the name of its pod: it stores that itself. */
export const ownStream = (pod: string): string => `own-${pod}`;

/** Stands where an edge's name would, for what several may say: not a name that an edge can have. */
const SHARED = "_";

/** Under which subject a live edge's message is filed: by its sender, where only that may say it. */
export const filedLive = (edge: string, subject: string): string =>
  covers("ops.notifications.>", subject) ? `${SHARED}.${subject}` : `${edge}.${subject}`;

/** A stream as `$JS.API.STREAM.CREATE` takes it; sizes in bytes, times in nanoseconds. */
export interface StreamConfig {
  readonly name: string;
  readonly storage: "file";
  readonly num_replicas: number;
  readonly max_bytes: number;
  readonly max_age: number;
  readonly discard: "old" | "new";
  readonly [key: string]: unknown;
}

/** A consumer as `$JS.API.CONSUMER.CREATE` takes it. */
export interface ConsumerConfig {
  readonly name: string;
  readonly deliver_subject: string;
  readonly [key: string]: unknown;
}

export interface PlannedStream {
  readonly config: StreamConfig;
  /** Others read it: it is made before them. */
  readonly origin: boolean;
  /**
   * It counts its messages on from where a wiped predecessor cannot have come. Not on servers before 2.14: they take the
   * number for a reason to empty the stream at their next start (seen on 2.10.20).
   */
  readonly countsOn: boolean;
}

/** What a keeper makes so and keeps so. */
export interface Plan {
  readonly streams: readonly PlannedStream[];
  readonly consumers: readonly { readonly stream: string; readonly config: ConsumerConfig }[];
  /** Streams whose sources are set up anew when they fell silent and what they read is there again. */
  readonly wake: readonly string[];
}

/**
 * How much of a claim each stream may take. The rest is for what streams need beside their messages, so that the limit is
 * reached before the disk is full. Intake and `ops` are alike: what the one drops unread, the other could not have kept.
 */
const SHARE = { edge: 0.8, intake: 0.4, ops: 0.4, own: 0.04, direct: 0.04 };

interface Storage {
  readonly claim: Claim;
  readonly retention: Retention;
  /** Servers of the cluster; three or more replicate each stream three times. */
  readonly replicas: number;
  /** Whether its servers know sources that read by a consumer which keeps the position (2.14). */
  readonly byConsumer: boolean;
}

export interface EdgeStorage extends Storage {
  readonly edge: string;
  /** All that the edge hands up. */
  readonly subjects: readonly string[];
}

export interface PrimaryStorage extends Storage {
  readonly edges: readonly {
    readonly name: string;
    readonly publish: readonly string[];
    readonly persistence: boolean;
  }[];
  /** The names of the pods, one for each server. */
  readonly pods: readonly string[];
}

const stream = (
  { claim, retention, replicas }: Storage,
  share: number,
  rest: { readonly name: string },
): StreamConfig => ({
  ...rest,
  storage: "file",
  num_replicas: replicas >= 3 ? 3 : 1,
  max_bytes: Math.floor(bytes(claim.size) * share),
  max_age: retention.maxAge * 1e9,
  discard: retention.whenFull === "keep-newest" ? "old" : "new",
  duplicate_window: 1e8, // the shortest that there is
});

/**
 * The primary's streams always let the oldest go. Own and live events only pass through; and what has sources would lose what it
 * refuses: servers check the room before a message is proposed to the replicas without counting the message itself, and where it
 * then finds none, they pass over it.
 */
const fed = { discard: "old" } as const;

/** Reads on where it was, whoever asks: what was handed over is remembered here, not only where it was stored. */
const consumer = (name: string, deliver: string, filter?: string): ConsumerConfig => ({
  name,
  durable_name: name,
  deliver_subject: deliver,
  deliver_policy: "all",
  ack_policy: "flow_control",
  flow_control: true,
  idle_heartbeat: 1e9,
  max_ack_pending: 20_000,
  ...(filter === undefined ? {} : { filter_subject: filter }),
});

/** An edge's one stream. */
export function edgePlan(storage: EdgeStorage): Plan {
  const config = stream(storage, SHARE.edge, { name: OPS_STREAM, ...{ subjects: storage.subjects } });
  const name = consumerOf(storage.edge);
  return {
    streams: [{ config, origin: true, countsOn: storage.byConsumer }],
    consumers: storage.byConsumer ? [{ stream: OPS_STREAM, config: consumer(name, deliverSubject(storage.edge)) }] : [],
    wake: [],
  };
}

/** A source that is filed under `to`, whatever it says of itself. */
interface Source {
  readonly stream: string;
  readonly consumer: string;
  readonly deliver: string;
  readonly from: string;
  readonly to: string;
  readonly external?: { readonly api: string; readonly deliver: string };
}

const sourceConfig = ({ stream, consumer, deliver, from, to, external }: Source, byConsumer: boolean) => ({
  name: stream,
  ...(external === undefined ? {} : { external }),
  ...(byConsumer ? { consumer: { name: consumer, deliver_subject: deliver } } : {}),
  subject_transforms: [{ src: from, dest: to }],
});

/** The primary's streams: what its own servers and live edges say, the intake of all, and `ops`. */
export function primaryPlan(storage: PrimaryStorage): Plan {
  const { edges, pods, byConsumer } = storage;
  const stored = edges.filter((edge) => edge.persistence);
  const live = edges.filter((edge) => !edge.persistence);
  const remote = stored.map(({ name }): Source => {
    const external = { api: `$JS.${name}.API`, deliver: handedUp(name) };
    return {
      stream: OPS_STREAM,
      consumer: consumerOf(name),
      deliver: deliverSubject(name),
      from: ">",
      to: `in.${name}.>`,
      external,
    };
  });
  const own = pods.map((pod): Source => {
    const name = ownStream(pod);
    return { stream: name, consumer: "in", deliver: `to-in.${name}`, from: `own.${pod}.>`, to: "in.primary.ops.>" };
  });
  const direct =
    live.length === 0
      ? []
      : [...live.map(({ name }) => name), SHARED].map((name): Source => {
          const from = `${DIRECT_STREAM}.${name}.>`;
          return { stream: DIRECT_STREAM, consumer: name, deliver: `to-in.direct.${name}`, from, to: `in.${name}.>` };
        });
  const sources = [...own, ...direct, ...remote].map((source) => sourceConfig(source, byConsumer));
  // an id of one edge says nothing of another's: from 2.14 on what has sources need not look at ids at all
  const anyId = byConsumer ? { duplicate_window: undefined } : {};
  const streams = [
    ...pods.map((pod) => ({
      ...stream({ ...storage, replicas: 1 }, SHARE.own, { name: ownStream(pod) }),
      ...fed,
      subjects: [`own.${pod}.>`],
      placement: { tags: [pod] },
    })),
    ...(live.length === 0
      ? []
      : [{ ...stream(storage, SHARE.direct, { name: DIRECT_STREAM }), ...fed, subjects: ["direct.>"] }]),
    { ...stream(storage, SHARE.intake, { name: INTAKE_STREAM }), ...fed, ...anyId, sources },
    {
      ...stream(storage, SHARE.ops, { name: OPS_STREAM }),
      ...fed,
      ...anyId,
      subjects: ["ops.>"],
      allow_direct: true,
      republish: { src: ">", dest: "live.>" },
      sources: [eventSource, ...stored.concat(live).flatMap(extraSources)],
    },
  ];
  const consumers = [...own, ...direct].map(({ stream, consumer: name, deliver, from }) => ({
    stream,
    config: consumer(name, deliver, from),
  }));
  return {
    streams: streams.map((config) => {
      const origin = config.name !== INTAKE_STREAM && config.name !== OPS_STREAM;
      return { config, origin, countsOn: origin && byConsumer };
    }),
    consumers: byConsumer ? consumers : [],
    wake: [INTAKE_STREAM, OPS_STREAM],
  };
}

/**
 * What of the intake is an event: the cluster's token is taken from the name that it is filed under, not from what it says
 * of itself. The same for every list of edges, so that `ops` never loses its place.
 */
const eventSource = {
  name: INTAKE_STREAM,
  subject_transforms: [
    { src: "in.*.ops.clusters.*.>", dest: "ops.clusters.$1.>" },
    { src: "in.*.ops.notifications.>", dest: "ops.notifications.>" },
  ],
};

/** Subjects that an edge may publish beside events. */
function extraSources({ name, publish }: PrimaryStorage["edges"][number]) {
  return withoutCovered(publish).map((subject) => ({
    name: INTAKE_STREAM,
    subject_transforms: [{ src: `in.${name}.${subject}`, dest: numbered(subject) }],
  }));
}
