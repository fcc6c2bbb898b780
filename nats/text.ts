// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** JSON text is a string of nats.conf too, as long as it is quoted: a leading digit stays text. */
export const quote = (text: string): string => JSON.stringify(text);

export const list = (subjects: readonly string[]): string => `[${subjects.map(quote).join(", ")}]`;
