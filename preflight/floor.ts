// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_IMAGES } from "../config/defaults.ts";
import type { ReleasePlace, RunningServers, WantedServers } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { fullName } from "../nats/names.ts";
import { keepsStreams, STORING } from "../nats/serverVersion.ts";

const TWICE = "what edges still hold would be stored twice, for older servers read their streams by other ways";

/**
 * What is wrong with moving servers that have claims across the floor of persistence, down or up; undefined where they are not moved.
 * That persistence itself is not wanted with older servers is said before (settingsFaults.ts, edgeStore.ts): what is left is persistence switched off
 * in the same step, and servers that somebody has changed by hand.
 */
export function acrossFloor(
  { claim, image }: RunningServers,
  wanted: WantedServers,
  { cluster, namespace, release }: ReleasePlace,
): string | undefined {
  const tag = image === undefined ? undefined : tagOf(image);
  if (claim === undefined || wanted.tag === undefined) return undefined;
  const [now, then] = [keepsStreams(tag ?? ""), keepsStreams(wanted.tag)];
  const { set, up } = commands(cluster);
  if (now && !then) {
    return (
      `ops-nats:images.nats.tag: expected ${STORING}, for the servers that run have claims; came ${wanted.tag}, and ${TWICE}; nothing was ` +
      `changed; next: ${set("images.nats.tag", tag ?? DEFAULT_IMAGES.nats.tag)} (where values.container.image.tag is set: that), then ${up}`
    );
  }
  // JetStream that `values` alone have switched on is not ours to judge
  if (now || !then || !wanted.streams) return undefined;
  return (
    `StatefulSet ${fullName(release)} in namespace ${namespace}: expected ${STORING}; came ${image}, changed by hand, and ${TWICE}; nothing was ` +
    `changed; next: where that may be, kubectl -n ${namespace} set image statefulset/${fullName(release)} nats=${repositoryOf(image ?? "")}:${wanted.tag}, then ${up}`
  );
}

/** The tag of an image: neither the port of a registry nor a digest. */
const tagOf = (image: string): string | undefined => /:([^:/]+)$/.exec(image.split("@")[0] ?? "")?.[1];

const repositoryOf = (image: string): string => (image.split("@")[0] ?? "").replace(/:[^:/]+$/, "");
