// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { NatsConnection } from "@nats-io/transport-node";

/** An installation that events flow through. */
export interface Site {
  /** Edges that take part. */
  readonly edges: readonly string[];
  /** Without persistence only live subscribers tell what arrived. */
  readonly place: Place;
  /** A new client of any server of a cluster, logged in as app; `lasting` ones connect again by themselves. */
  connect(cluster: string, lasting?: boolean): Promise<NatsConnection>;
  /** A new client of the account in which the primary's streams are. */
  controller(): Promise<NatsConnection>;
}

/** Where outcomes come from. */
export interface Place {
  /** How real it was: `processes`, `real clusters`. */
  readonly level: string;
  readonly version: string;
  /** Else it was plain core NATS. */
  readonly persistent: boolean;
}
