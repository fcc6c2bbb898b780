// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

type Version = readonly [number, number, number];

/** The numbers at the head of an image tag (`2.14.9-alpine`), or undefined where it has none. */
export function serverVersion(tag: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?![\d.])/.exec(tag);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

const atLeast = (version: Version, floor: Version): boolean => {
  const i = version.findIndex((n, j) => n !== floor[j]);
  return i === -1 || (version[i] ?? 0) > (floor[i] ?? 0);
};

/** Whether a server of that version checks what leaf nodes publish: from 2.11.16, 2.12.7 and 2.14.0 (read at each tag). */
export function checksPublish(version: Version): boolean {
  const [major, minor] = version;
  if (major === 2 && minor === 11) return atLeast(version, [2, 11, 16]);
  if (major === 2 && minor === 12) return atLeast(version, [2, 12, 7]);
  return atLeast(version, [2, 14, 0]);
}

/** Whether a server of that version takes changed remotes by a reload: from 2.14.0. */
export const reloadsRemotes = (version: Version): boolean => atLeast(version, [2, 14, 0]);

/** The servers that streams are kept with; reads after "expected". */
export const STORING = "a nats tag of 2.15.3 or later, which persistence needs";

/**
 * Whether streams may be kept with the server of a tag: from 2.15.3 on, sources read by a consumer that keeps the position, one that
 * begins anew misses nothing, and one whose link is back is heard at once (decision 11). What names no version is trusted; `2.14` is
 * older for sure, `2.15` may be any.
 */
export function keepsStreams(tag: string): boolean {
  const version = serverVersion(tag);
  if (!version) return Number(/^v?2\.(\d+)(?![\d.])/.exec(tag)?.[1] ?? 15) >= 15;
  return atLeast(version, [2, 15, 3]);
}

/** One line to warn of a primary whose servers trust what edges publish, or undefined. */
export function publishWarning(tag: string): string | undefined {
  const version = serverVersion(tag);
  const wanted = "choose 2.14.0 or later (or 2.12.7, 2.11.16) in ops-nats:images";
  if (!version)
    return `nats image tag ${tag} names no version: whether its server checks what edges publish is unknown; ${wanted}`;
  if (checksPublish(version)) return undefined;
  return `nats image tag ${tag}: this server does not check what an edge publishes, so a hostile edge can speak for another; ${wanted}`;
}
