// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Verdict } from "./ledger.ts";

/** What became of one cluster's events in a scenario. */
export interface Outcome extends Verdict {
  readonly title: string;
  readonly cluster: string;
  /** In `ops` (or said, where nothing is stored) and never heard by the live subscriber. */
  readonly unheard: number;
  readonly heardTwice: number;
  /** Milliseconds from when a link was back until the first event came that had waited; undefined where no link was cut. */
  readonly began?: number | undefined;
  /** Seconds from the end of the load until `ops` had all, and how long it grew meanwhile: nothing for live sites. */
  readonly settling: number;
}
