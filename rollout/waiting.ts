// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { Reason } from "../kubernetes/podReasons.ts";
import type { Cluster } from "../kubernetes/port.ts";
import { reasons } from "../kubernetes/reasons.ts";
import type { Snapshot } from "../kubernetes/snapshot.ts";
import { firstLine } from "../lib/plainError.ts";

/** Time and voice of a watcher; a test has its own. */
export interface Surroundings {
  /** Milliseconds. */
  now(): number;
  /** Calls back once, later; gives the way to call it off. Never keeps the process alive. */
  after(seconds: number, act: () => void): () => void;
  warn(text: string): void;
  /** For the moment only: shown while the run goes on, and not among its diagnostics at the end. */
  remind(text: string): void;
  info(text: string): void;
}

const real: Surroundings = {
  now: Date.now,
  after(seconds, act) {
    const timer = setTimeout(act, seconds * 1000).unref();
    return () => clearTimeout(timer);
  },
  warn: (text) => void pulumi.log.warn(text),
  remind: (text) => void pulumi.log.warn(text, undefined, undefined, true),
  info: (text) => void pulumi.log.info(text),
};

/** Seconds: when it looks first, between two looks, between two reminders, how long a look may take, and on after the limit. */
const PACE = { first: 15, pause: 5, remind: 60, look: 20, margin: 30 };

export interface Waited {
  /** What is waited for, as a line begins with it. */
  readonly what: string;
  readonly namespace: string;
  /** The time limit of what waits. */
  readonly seconds: number;
  readonly look: () => Promise<Snapshot>;
}

/**
 * Looks again and again why something is not ready, and tells each reason once that two looks have found, all of them again
 * every minute. It ends by itself a little after the limit: where an operation fails, Pulumi runs no hook that would end it.
 * @returns the way to end it
 */
export function watch({ what, namespace, seconds, look }: Waited, around: Surroundings = real): () => void {
  const begin = around.now();
  const told = new Map<string, string>();
  let [before, reminded, deaf, ended]: [Set<string>, number, boolean, boolean] = [new Set(), begin, false, false];
  const seeAll = `kubectl -n ${namespace} get pods,events`;
  const longer = "where it only needs more time, raise ops-nats:timeoutSeconds";
  let callOff = around.after(PACE.first, turn);

  function tell(found: readonly Reason[]): void {
    for (const { key, text } of found) {
      if (told.has(key) || !before.has(key)) continue;
      told.set(key, text);
      around.warn(`${what} is not ready: ${text}`);
    }
    before = new Set(found.map(({ key }) => key));
    const waited = Math.round((around.now() - begin) / 1000);
    if (told.size === 0 && waited > seconds - 2 * PACE.pause) {
      told.set("", "");
      around.warn(`${what} is not ready after ${waited} s, and no reason is seen. Fix: ${seeAll}; ${longer}`);
    }
    if (around.now() - reminded < PACE.remind * 1000) return;
    reminded = around.now();
    const since = `${what} is still not ready after ${waited} s (limit: ops-nats:timeoutSeconds, ${seconds} s)`;
    if (found.length === 0) around.remind(`${since}; no reason is seen`);
    for (const { key, text } of found) {
      // new words of the same trouble, such as another last log line, are kept
      (told.get(key) === text ? around.remind : around.warn)(`${since}: ${text}`);
      told.set(key, text);
    }
  }

  function unheard(why: string): void {
    if (deaf) return;
    deaf = true;
    around.info(`why ${what} is not ready yet may go unsaid: ${why}; ${seeAll} shows it`);
  }

  async function turn(): Promise<void> {
    let inTime = () => {};
    const late = new Promise<never>((_, reject) => {
      inTime = around.after(PACE.look, () => reject(new Error(`no answer within ${PACE.look} s`)));
    });
    try {
      const snapshot = await Promise.race([look(), late]);
      if (ended) return;
      if (snapshot.unread.length > 0) unheard(snapshot.unread.join("; "));
      tell(reasons(snapshot, around.now()));
    } catch (error) {
      if (ended) return;
      unheard(firstLine(error as Error));
    } finally {
      inTime();
    }
    const left = seconds + PACE.margin - (around.now() - begin) / 1000;
    if (left > 0) callOff = around.after(PACE.pause, turn);
  }

  return () => {
    ended = true;
    callOff();
  };
}

/** Hooks of a resource that Pulumi waits for: one that starts the watcher, one that ends it. */
export function waitingHooks(cluster: Cluster, waited: Omit<Waited, "look"> & { readonly selector: string }) {
  const { namespace, selector } = waited;
  let end = () => {};
  return {
    start(): void {
      end();
      end = watch({ ...waited, look: () => cluster.workload(namespace, selector) });
    },
    stop: (): void => end(),
  };
}
