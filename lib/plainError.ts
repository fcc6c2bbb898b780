// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";
import { RunError } from "@pulumi/pulumi";

/** Text that somebody else wrote, for one line of ours: printable ASCII, cut to a length in characters. */
export const printable = (text: string, length: number): string => text.replace(/[^\x20-\x7e]/g, " ").slice(0, length);

/**
 * An error for people: the engine prints its message and no stack. The SDK also inspects every error for its trace, and
 * one that came through its promises drags all of the program along (18 s were measured): this one inspects as its message.
 */
export class PlainError extends RunError {
  [inspect.custom](): string {
    return this.message;
  }
}

/** What a warning says of an error. */
export const firstLine = (error: Error): string => error.message.split("\n")[0] ?? "";
