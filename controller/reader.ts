// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Link } from "./observed.ts";

/** Seconds: for how long nobody may be heard on links that stand, and after which nobody listens any more. */
const QUIET = 2;
const GIVEN_UP = 30;

/** What was seen of a consumer's former reader while the consumer is missing; all by uptime. */
export interface Missed {
  readonly since: number;
  /** The links that told nothing of a reader, since when. */
  readonly silent: { readonly links: string; readonly since: number } | undefined;
  /** The links by one of which a reader was heard last. */
  readonly heardOn: string | undefined;
}

/**
 * Whether the other end of a link may still listen to a consumer's subject: what it hands over is counted from one, and a source that still listens to a
 * predecessor would take that for what it has had. It does not when it did and a link that stands tells so no more; when that has told nothing of it
 * for {@link QUIET} (one that has just come tells a moment later); nor after {@link GIVEN_UP}. A source that got no answer listens, too, but for any
 * sign of life: it is given one, once, asks again, and does not listen for the five seconds in which it waits.
 */
export function inUse(subject: string, links: readonly Link[], before: Missed | undefined, uptime: number) {
  const missed: Missed = before ?? { since: uptime, silent: undefined, heardOn: undefined };
  if (uptime - missed.since >= GIVEN_UP) return { used: false, sign: false, missed };
  if (links.length === 0) return { used: true, sign: false, missed };
  const all = JSON.stringify(links.map(({ id, name, ip, port }) => [id, name, ip, port]));
  if (links.some(({ subscriptions }) => subscriptions.includes(subject)))
    return { used: true, sign: missed.heardOn === undefined, missed: { ...missed, heardOn: all } };
  if (all === missed.heardOn) return { used: false, sign: false, missed };
  const silent = missed.silent?.links === all ? missed.silent : { links: all, since: uptime };
  return { used: uptime - silent.since < QUIET, sign: false, missed: { ...missed, silent } };
}
