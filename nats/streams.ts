// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Claim, Retention } from "../config/settings.ts";
import { bytes } from "../config/units.ts";

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

export const deliverSubject = (edge: string): string => `${handedUp(edge)}.fetched`;

/** What a server of the primary was told by its own clients, below the name of its pod: it stores that itself. */
export const ownStream = (pod: string): string => `own-${pod}`;

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

export interface PlannedConsumer {
  readonly stream: string;
  readonly config: ConsumerConfig;
  /** It is read over a leaf link, by a source that may still listen to a predecessor. */
  readonly remote: boolean;
}

export interface PlannedStream {
  readonly config: StreamConfig;
  /** Others read it: it is made before them, and counts from where a wiped predecessor cannot have come. */
  readonly origin: boolean;
}

/** What the controller makes so and keeps so. */
export interface Plan {
  readonly streams: readonly PlannedStream[];
  readonly consumers: readonly PlannedConsumer[];
  /** The stream that reads those of this cluster's servers: one of these is taken off it while it begins anew. */
  readonly reader?: string;
  /** Whose sources are braked, and when; undefined where no logs are kept for replicas. */
  readonly brake?: Brake;
  /** Edges that are listed, at a primary: of all of them it is told whether they have a link. */
  readonly edges?: readonly string[];
  /** What else is looked for, at an edge. */
  readonly watch?: Watch;
  /** Days before the end of a certificate of the servers at which that is said each day: of one that they show to leafs, or to each other. */
  readonly certificates?: { readonly leaf?: number; readonly cluster?: number };
}

export const NO_STREAMS: Plan = { streams: [], consumers: [] };

/** At an edge, events under names that are not carried are counted. */
export interface Watch {
  readonly edge: string;
  /** Undefined where nothing can be looked for. */
  readonly subject: string | undefined;
}

/** While servers cannot cut their logs, clusters that still have much to hand over are told to pause. */
export interface Brake {
  /** Whose sources they are. */
  readonly stream: string;
  /** The account that it is in. */
  readonly account: string;
  /** The bytes of one log of a server above which they pause. */
  readonly above: number;
}

/**
 * How much of a claim each stream may take. The rest is for file systems, and for what streams need beside their messages (blocks that
 * give way, logs of what replicas have not applied yet), so that the limit is reached before the disk is full.
 * Intake and `ops` are alike: what the one drops unread, the other could not have kept.
 */
export const SHARE = { edge: 0.8, intake: 0.35, ops: 0.35, own: 0.02, direct: 0.02 };

/** How much of a claim one log of replicas may take before edges pause: well above what servers usually keep, which is 8 MB. */
export const LOG_SHARE = 0.05;

export interface Storage {
  readonly claim: Claim;
  readonly retention: Retention;
  /** Servers of the cluster; three or more replicate each stream three times. */
  readonly replicas: number;
}

export interface EdgeStorage extends Storage {
  readonly edge: string;
  /** All that the edge hands up. */
  readonly subjects: readonly string[];
  /** See {@link EdgeLimits}. */
  readonly underWay: number;
}

/** Whole seconds as NATS counts them, in nanoseconds. */
export const nanoseconds = (seconds: number): number => seconds * 1e9;

/** What all streams have in common. */
export const stream = ({ claim, retention, replicas }: Storage, share: number, name: string): StreamConfig => ({
  name,
  storage: "file",
  num_replicas: replicas >= 3 ? 3 : 1,
  max_bytes: Math.floor(bytes(claim.size) * share),
  max_age: nanoseconds(retention.maxAge),
  discard: "old",
});

/**
 * How long, in nanoseconds, a stream that clients publish into refuses an id (Nats-Msg-Id) that it has had: the shortest time that there is,
 * for two events of one id are two. Without it, servers refuse for two minutes; streams that have sources never do.
 */
export const DUPLICATE_WINDOW = { duplicate_window: 1e8 };

/** How many events are under way at a time from one stream of the primary to another; of an edge it is a setting (decision 21). */
const UNDER_WAY = 1000;

/**
 * Reads on where it was, whoever asks: what was handed over is remembered here, not only where it was stored.
 * @param most events that are under way at a time
 */
export const consumer = (
  name: string,
  deliver: string,
  filters: readonly string[] = [],
  most = UNDER_WAY,
): ConsumerConfig => ({
  name,
  durable_name: name,
  deliver_subject: deliver,
  deliver_policy: "all",
  ack_policy: "flow_control",
  flow_control: true,
  idle_heartbeat: 1e9,
  max_ack_pending: most,
  ...(filters.length > 1 ? { filter_subjects: filters } : {}),
  ...(filters.length === 1 ? { filter_subject: filters[0] } : {}),
});

/** An edge's one stream. */
export function edgePlan(storage: EdgeStorage): Plan {
  const { subjects, retention, underWay } = storage;
  const discard = retention.whenFull === "keep-newest" ? ("old" as const) : ("new" as const);
  const config = { ...stream(storage, SHARE.edge, OPS_STREAM), ...DUPLICATE_WINDOW, subjects, discard };
  const reader = consumer(consumerOf(storage.edge), deliverSubject(storage.edge), [], underWay);
  return {
    streams: [{ config, origin: true }],
    consumers: [{ stream: OPS_STREAM, config: reader, remote: true }],
  };
}

/** As it lies in the cluster. */
export const planText = (plan: Plan): string => `${JSON.stringify(plan)}\n`;
