// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_IMAGES } from "../../../config/defaults.ts";
import { INTERPRETER } from "../../../sandbox/toolchain/interpreter.ts";
import { SERVERS, serverToolchain } from "../../../sandbox/toolchain/toolchain.ts";

const PROGRAM = "nats-server-";

/** The versions of nats-server that the configuration has to hold on: the guide's and ours. */
export const VERSIONS: readonly string[] = SERVERS.map((name) => name.replace(PROGRAM, ""));

/** The version that a user gets who chooses none; what stores events is tried on it alone, for older ones are refused there. */
export const DEFAULT_VERSION = DEFAULT_IMAGES.nats.tag.replace(/-.*/, "");

/** What the controller runs on. */
export async function interpreter(): Promise<string> {
  return (await serverToolchain()).program(INTERPRETER);
}

/** The path of a nats-server; builds it when the cache does not have it. */
export async function serverProgram(version: string): Promise<string> {
  return (await serverToolchain()).program(`${PROGRAM}${version}`);
}

/** A part of such a suite, of what stores events. */
export function whereStored(version: string, title: string, suite: () => void): void {
  if (version === DEFAULT_VERSION) describe(title, suite);
}

/** One suite for each version, of what needs no persistence. */
export function onEachVersion(title: string, suite: (version: string) => void): void {
  for (const version of VERSIONS) describe(`${title}, nats-server ${version}`, () => suite(version));
}
