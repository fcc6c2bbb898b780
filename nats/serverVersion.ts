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
