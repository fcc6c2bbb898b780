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

/** Whether a server of that version bounds, by a setting, what waits to be stored: from 2.11.0. */
export const limitsBufferedMessages = (version: Version): boolean => atLeast(version, [2, 11, 0]);

/** Whether a server of that version refuses JetStream requests with fields that it does not know, unless told not to: from 2.12.0. */
export const strictByDefault = (version: Version): boolean => atLeast(version, [2, 12, 0]);

/** Whether streams of a server of that version can read another by a consumer that keeps the position: from 2.14.0. */
export const sourcesByConsumer = (version: Version): boolean => atLeast(version, [2, 14, 0]);

/**
 * Whether a source that begins anew with such a consumer misses nothing of what that handed over meanwhile: from 2.14.10 and 2.15.3
 * (read at 2.14.0, at 2.14.5 to 2.14.10 and at 2.15.0 to 2.15.3; decision 11). Servers before 2.14 have no such consumers.
 */
export function resumesExactly(version: Version): boolean {
  const [major, minor] = version;
  if (major === 2 && minor === 14) return atLeast(version, [2, 14, 10]);
  return !sourcesByConsumer(version) || atLeast(version, [2, 15, 3]);
}

/** One line to warn of a cluster that stores events and whose servers may pass over some, or undefined. */
export function storeWarning(tag: string): string | undefined {
  const version = serverVersion(tag);
  if (!version || resumesExactly(version)) return undefined;
  return (
    `nats image tag ${tag}: where a link loses a message, this server may pass over stored events; ` +
    "choose 2.14.10 or later (of 2.15: 2.15.3) in ops-nats:images, at the primary and at its edges"
  );
}

/**
 * One line to warn of an edge that stores with servers from 2.14 on under a primary with older ones, or undefined: what it still holds when
 * it starts anew may come twice, once the primary is upgraded after it (decision 9).
 * @param byConsumer whether the primary reads by a consumer, as servers from 2.14 on do
 */
export function orderWarning(tag: string, byConsumer: boolean): string | undefined {
  const version = serverVersion(tag);
  if (byConsumer || !version || !sourcesByConsumer(version)) return undefined;
  return (
    `nats image tag ${tag}: the primary's servers are older than 2.14.0, and an edge that is upgraded before them may hand over events ` +
    "twice; upgrade the primary first: set its ops-nats:images and run pulumi up there"
  );
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
