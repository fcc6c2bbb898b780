// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Where accounts begin. */
export const ACCOUNTS = "accounts {\n";

/** The names of accounts, as they stand in an include file: in quotes, or not. */
export function accountsIn(include: string): readonly string[] {
  const from = include.indexOf(ACCOUNTS);
  const text = include.slice(from, include.indexOf("\n}\n", from));
  return [...text.matchAll(/^ {2}(\S+) \{/gm)].map(([, name = ""]) => name);
}

/** Edges whose accounts are in an include file. */
export const edgesIn = (include: string): readonly string[] =>
  accountsIn(include).flatMap((name) => /^"EDGE-(.+)"$/.exec(name)?.[1] ?? []);

/** The passwords of an include file, by user. */
export function passwordsIn(include: string): Readonly<Record<string, string>> {
  const text = '("(?:[^"\\\\]|\\\\.)*")';
  const logins = include.matchAll(new RegExp(`\\buser: ${text}, password: ${text}`, "g"));
  return Object.fromEntries(
    [...logins].map(([, user = "", password = ""]) => [JSON.parse(user), JSON.parse(password)]),
  );
}
