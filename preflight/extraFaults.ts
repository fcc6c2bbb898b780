// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Fault } from "../config/report.ts";
import { SECRET_KEYS } from "../config/source.ts";
import { isMap } from "../lib/merge.ts";
import { APP_ACCOUNT, EDGE_ACCOUNT, OWN_ACCOUNTS } from "../nats/accounts.ts";
import { ADMIN, APP, CONTROLLER, ROOT, ROUTE, WATCH } from "../nats/logins.ts";

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

/**
 * What entries of `extraAccounts` and `extraRemotes` cannot show by themselves. With any of it no server would start.
 * @param isSecret whether a key is stored encrypted
 * @param stack for the command
 */
export function* extraFaults(
  keys: Readonly<Record<string, unknown>>,
  isSecret: (key: string) => boolean,
  stack: string,
): Generator<Fault> {
  const accounts = isMap(keys.extraAccounts) ? keys.extraAccounts : {};
  const remotes = Array.isArray(keys.extraRemotes) ? keys.extraRemotes.filter(isMap) : [];
  const taken = new Map<unknown, string>(
    [ADMIN, APP, CONTROLLER, ROUTE, ROOT, WATCH].map((user) => [user, "this program's own"]),
  );
  for (const [name, account] of Object.entries(accounts)) {
    const key = `extraAccounts.${name}`;
    if (!NAME.test(name)) yield { key, expected: "a name of letters, digits, _ and -, at most 63", came: name };
    if (OWN_ACCOUNTS.includes(name) || name.startsWith(EDGE_ACCOUNT))
      yield { key, expected: "another name: this account is the program's own", came: name };
    const users = isMap(account) && Array.isArray(account.users) ? account.users.filter(isMap) : [];
    for (const { user } of users) {
      const whose = taken.get(user);
      if (whose) yield { key: `${key}.users`, expected: `users that are nobody else's (one is ${whose})`, came: user };
      taken.set(user, `of ${name}`);
    }
  }
  for (const [i, { account = APP_ACCOUNT }] of remotes.entries()) {
    if (account === APP_ACCOUNT || (typeof account === "string" && account in accounts)) continue;
    yield { key: `extraRemotes[${i}].account`, expected: "APP, or one of extraAccounts", came: account };
  }
  for (const key of SECRET_KEYS) {
    const path = key === "extraAccounts" ? `${key}.<account>.users[0].password` : `${key}[0].password`;
    const secret = `pulumi config set --secret --path 'ops-nats:${path}' <password> -s ${stack}`;
    const clear = hasPassword(keys[key]) && !isSecret(key);
    if (clear) yield { key, expected: "passwords that are stored encrypted", came: "plain text", command: secret };
  }
}

const hasPassword = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(hasPassword)
    : isMap(value) && ("password" in value || Object.values(value).some(hasPassword));
