// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { PlainError } from "./plainError.ts";
import { commands, firstLine, type ReleasePlace } from "./release.ts";

/**
 * The tag of servers that run an include file: 64 bits of a hash over the text, whose passwords have 190 random ones each, so it tells
 * nothing of them. Servers show their tags, and reload them.
 */
export const configTag = (include: string): string =>
  `conf:${createHash("sha256").update(include).digest("hex").slice(0, 16)}`;

const REJECTED = /\[ERR\] Failed to reload server configuration: (.*)/;
const OUTCOME = /\[(?:INF|ERR)\] (?:Reloaded server configuration|Failed to reload server configuration: .*)/g;

/** Seconds that a configuration may take to every server (the kubelet refreshes Secrets within two minutes), and between two looks. */
const WAIT = { seconds: 180, pause: 1 };

/**
 * Waits until all servers of a release run the configuration that they were given. A pod whose server does not run is passed over: it takes
 * the configuration up when it starts.
 * @param tag of the include file, see {@link configTag}
 * @param since when that was given to them, in milliseconds since 1970
 * @throws PlainError with the server's own words where one rejects it; or where one has not taken it up in time
 */
export async function assertReloaded(
  place: ReleasePlace,
  tag: string,
  since: number,
  { seconds, pause } = WAIT,
): Promise<void> {
  const { cluster, namespace, release } = place;
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const pods = await cluster.serverPods(namespace, release);
    const behind = (await Promise.all(pods.map((pod) => outcome(place, pod, tag, since)))).flat();
    if (behind.length === 0) return;
    const rejected = behind.find(({ said }) => said !== undefined);
    if (rejected || Date.now() > end) throw refusal(place, rejected ?? behind[0], seconds);
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

interface Behind {
  readonly pod: string;
  /** The server's own words, where it has rejected the configuration. */
  readonly said: string | undefined;
}

/** Nothing where a server runs the configuration, or does not run. */
async function outcome({ cluster, namespace }: ReleasePlace, pod: string, tag: string, since: number) {
  const [tags, log] = await Promise.all([
    cluster.serverTags(namespace, pod).catch((error: Error) => error),
    cluster.serverLog(namespace, pod, 0).catch((error: Error) => error),
  ]);
  if (Array.isArray(tags) && tags.includes(tag)) return [];
  if (log instanceof Error) {
    if (!(tags instanceof Error)) return [{ pod, said: undefined }];
    await pulumi.log.debug(`${pod}: ${firstLine(tags)}`);
    if (/forbidden/.test(log.message)) throw log;
    return [];
  }
  const last = [...log.matchAll(OUTCOME)].at(-1);
  const said = last && REJECTED.exec(last[0])?.[1];
  if (tags instanceof Error) return said === undefined ? [] : [{ pod, said }];
  // a rejection of long ago may be of another configuration
  const fresh = said !== undefined && (await cluster.serverLog(namespace, pod, since)).includes(said);
  const stands = said !== undefined && Date.now() - since > 150_000;
  return [{ pod, said: fresh || stands ? said : undefined } satisfies Behind];
}

function refusal({ cluster, namespace, release }: ReleasePlace, behind: Behind | undefined, seconds: number): Error {
  const { up } = commands(cluster);
  const restart = `kubectl -n ${namespace} rollout restart statefulset -l app.kubernetes.io/instance=${release}`;
  const came =
    behind?.said ?? `nothing within ${seconds} s (is its reloader well? kubectl logs ${behind?.pod} -c reloader)`;
  return new PlainError(
    `server ${behind?.pod} in namespace ${namespace}: expected to take up the new configuration; came ${came}; it goes on with its ` +
      `former one; next: undo the change; or, where it cannot be reloaded, ${restart}; then ${up}`,
  );
}
