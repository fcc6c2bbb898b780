// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { ReleasePlace } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { firstLine, PlainError, printable } from "../lib/plainError.ts";
import { fullName } from "../nats/names.ts";

/** At the beginning of a line, which a server writes itself: what links and clients say stands in its log, too. */
const REJECTED = /\[ERR\] Failed to reload server configuration: (.*)/;

const OUTCOME =
  /^\[\d+\] (?:[\d/]+ [\d:.]+ )?\[(?:INF|ERR)\] (?:Reloaded server configuration|Failed to reload server configuration: .*)/gm;

/**
 * Seconds that a configuration may take to every server (the kubelet refreshes Secrets within two minutes), between two looks, and after which a
 * rejection is believed that stands in a log: names that clients call themselves stand there, too, whatever they look like.
 */
const WAIT = { seconds: 180, pause: 1, believed: 15 };

/**
 * Waits until all servers of a release run the configuration that they were given. A pod whose server does not run is passed over: it
 * takes the configuration up when it starts.
 * @param tag of the include file, see {@link configTag}
 * @param since when that was given to them, in milliseconds since 1970
 * @throws PlainError with the server's own words where one rejects it; where one has not taken it up in time, or cannot be asked; where there
 * are no servers
 */
export async function assertReloaded(
  place: ReleasePlace,
  tag: string,
  since: number,
  { seconds, pause, believed } = WAIT,
): Promise<void> {
  const { cluster, namespace, release } = place;
  if ((await cluster.runningServers(namespace, release)) === undefined) throw await gone(place);
  const end = Date.now() + seconds * 1000;
  let seen: number | undefined; // when a rejection was first
  for (;;) {
    const pods = (await cluster.serverPods(namespace, release)).filter(({ running }) => running);
    const behind = (await Promise.all(pods.map(({ name }) => outcome(place, name, tag, since)))).flat();
    if (behind.length === 0) return;
    const rejected = behind.find(({ rejects }) => rejects);
    seen = rejected && (seen ?? Date.now());
    const final = seen !== undefined && Date.now() - seen >= believed * 1000;
    if (final || Date.now() > end) throw refusal(place, rejected ?? behind[0], seconds);
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

interface Behind {
  readonly pod: string;
  /** The server's own words, or why it cannot be asked; undefined where it has only not taken it up yet. */
  readonly said: string | undefined;
  /** Waiting will not help. */
  readonly rejects: boolean;
}

/** Nothing where a server runs the configuration. */
async function outcome({ cluster, namespace }: ReleasePlace, pod: string, tag: string, since: number) {
  const tags = await cluster.serverTags(namespace, pod).catch((error: Error) => error);
  if (Array.isArray(tags) && tags.includes(tag)) return [];
  if (tags instanceof PlainError) throw tags; // a right is missing
  // a rejection of before may be of another configuration: it counts when nothing has come of this one for long
  const long = Date.now() - since > 150_000;
  const log = await cluster.serverLog(namespace, pod, long ? 0 : since);
  const last = [...log.matchAll(OUTCOME)].at(-1)?.[0] ?? "";
  const rejection = REJECTED.exec(last)?.[1];
  const said = rejection === undefined ? undefined : printable(rejection, 500);
  const unasked = tags instanceof Error ? firstLine(tags) : undefined;
  return [{ pod, said: said ?? unasked, rejects: said !== undefined } satisfies Behind];
}

async function gone({ cluster, namespace, release }: ReleasePlace): Promise<Error> {
  const { refresh, up } = commands(cluster);
  const kept = (await cluster.helmRecords(namespace, release)).length > 0;
  return new PlainError(
    `StatefulSet ${fullName(release)} in namespace ${namespace}: expected the servers of this stack; came none; ` +
      `next: ${kept ? "" : `${refresh}, then `}${up}`,
  );
}

function refusal({ cluster, namespace, release }: ReleasePlace, behind: Behind | undefined, seconds: number): Error {
  const { up } = commands(cluster);
  const restart = `kubectl -n ${namespace} rollout restart statefulset -l app.kubernetes.io/instance=${release}`;
  const came =
    (behind?.rejects ? `by its log: ${behind.said}` : behind?.said) ??
    `nothing within ${seconds} s (is its reloader well? kubectl logs ${behind?.pod} -c reloader)`;
  return new PlainError(
    `server ${behind?.pod} in namespace ${namespace}: expected to take up the new configuration; came ${came}; it goes on with its ` +
      `former one; next: undo the change; or, where it cannot be reloaded, ${restart}; then ${up}`,
  );
}
