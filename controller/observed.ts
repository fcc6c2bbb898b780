// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** What was asked for: it is there, it is not, or nobody can tell. */
export type Found<T> =
  | { readonly is: "there"; readonly info: T }
  | { readonly is: "missing" }
  | { readonly is: "unknown"; readonly why: string };

/** Of `$JS.API.STREAM.INFO` what decisions are made by; times in RFC 3339, sizes in bytes. */
export interface StreamInfo {
  readonly config: Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly subjects?: readonly string[];
    readonly sources?: readonly SourceConfig[];
    readonly max_bytes: number;
    readonly discard: "old" | "new";
  };
  readonly created: string;
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly first_ts: string;
    readonly last_seq: number;
  };
  /** How each source is, in a stream that has some. */
  readonly sources?: readonly SourceState[];
}

export interface SourceConfig {
  readonly name: string;
  readonly external?: External;
  readonly consumer?: { readonly name: string };
  readonly [key: string]: unknown;
}

/** By which subjects another account's stream is asked, and hands over. */
export interface External {
  readonly api: string;
  readonly deliver: string;
}

export interface SourceState {
  readonly name: string;
  /** Events that it has there and not here, as far as it knows. */
  readonly lag: number;
  /** Nanoseconds since anything came of it; -1 where nothing ever did. */
  readonly active: number;
  readonly external?: External;
}

/** Of `$JS.API.CONSUMER.INFO`. */
export interface ConsumerInfo {
  readonly config: Readonly<Record<string, unknown>> & { readonly max_ack_pending?: number };
}

/** A leaf link, as `/leafz?subs=true` tells of it. */
export interface Link {
  /** Of the connection: another one has another number, or another peer. */
  readonly id: number;
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly subscriptions: readonly string[];
}

export interface Linked {
  readonly server: string;
  readonly name: string;
  /** The account that its login has, for which the server vouches. */
  readonly account: string;
}

/** One server of the cluster; what was not asked for, or not told, is undefined. */
export interface Server {
  /** Its pod. */
  readonly name: string;
  /** Another one after each start; undefined where it does not answer. */
  readonly id: string | undefined;
  /** It runs (`/healthz?js-server-only=true`), and is not well (`/healthz`), as one whose disk is full. */
  readonly sick: boolean;
  /** When it started, in milliseconds since 1970. */
  readonly started?: number | undefined;
  /** When its certificates end, in milliseconds since 1970: of what it shows to leafs, and to its peers. */
  readonly certificates?: { readonly leaf?: number; readonly cluster?: number } | undefined;
  readonly links?: readonly Link[] | undefined;
}

/** What one look at a cluster finds. */
export interface Observed {
  /** By their numbers. */
  readonly servers: readonly Server[];
  /** Those of the plan, by name. */
  readonly streams: Readonly<Record<string, Found<StreamInfo>>>;
  /** Who is linked to which server, as it calls itself: `<cluster>.<pod>`, and by which account; what was not asked for is undefined. */
  readonly linked?: readonly Linked[];
  /** Those of the plan, by `<stream>.<consumer>`. */
  readonly consumers: Readonly<Record<string, Found<ConsumerInfo>>>;
}

/** Two clocks: the date, which may be set, and one that nobody sets, for all that is waited for. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly date: number;
  /** Seconds. */
  readonly uptime: number;
}
