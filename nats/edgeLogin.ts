// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Retention } from "../config/settings.ts";

/** A leaf link as the edge's server has to know it. */
export interface Remote {
  /** `tls://host:port`, or `nats-leaf://host:port` where the link is plain. */
  readonly urls: readonly string[];
  /** The edge's own key, in clear text: nothing of it goes over the link. */
  readonly seed: string;
  /** By which it knows the primary: certificates of CAs in PEM; empty: those that its image trusts. */
  readonly ca: string;
}

/** How an edge's stream has to be, for the primary to fetch it. */
export interface EdgeStore extends Retention {
  /** All that the edge may publish, and so what it stores. */
  readonly subjects: readonly string[];
  /** See {@link EdgeLimits}. */
  readonly underWay: number;
}

/** What the primary lets pass over a link. */
export interface EdgeSubjects {
  /** All subjects that the edge may publish there, its own events among them. */
  readonly publish: readonly string[];
  readonly receive: readonly string[];
}

/** What an edge's entry at the primary comes to: one record, for an edge never to take half of one `up` and half of another. */
export interface EdgeLogin extends EdgeSubjects {
  /** Of its nkey, `SU…`. */
  readonly seed: string;
  /** Undefined: the edge stores nothing. */
  readonly store: EdgeStore | undefined;
}

/** A leaf link as an edge takes it. */
export interface EdgeLink extends Remote, EdgeLogin {}

export type EdgeLogins = Readonly<Record<string, EdgeLogin>>;
