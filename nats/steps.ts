// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { configTag, tagOf } from "./configTag.ts";
import { ACCOUNTS, accountsIn } from "./readInclude.ts";
import { ROUTE_LOGIN, ROUTE_URLS } from "./routes.ts";

/** What servers run on the way to another include file. */
export interface Step {
  /** For people: what it is for. */
  readonly what: string;
  readonly include: string;
}

/**
 * What servers of one cluster have to run one after the other, each when all run the one before, until they can run `next`. Servers reload one
 * by one, and some things must not differ between them: whoever uses an account that another does not know yet is not heard there, ever; and
 * whoever knows another password than its peers is alone.
 * @param now the include file that they run
 * @returns none where `next` can be given to them at once
 */
export function stepsTo(now: string, next: string): readonly Step[] {
  const known = withAccounts(now, next);
  return [
    ...(known === undefined ? [] : [{ what: "they learn of further accounts", include: known }]),
    ...routeSteps(known ?? now, next).map((include) => ({ what: "the password between them changes", include })),
  ];
}

const lineOf = (variable: string, include: string): string | undefined =>
  new RegExp(`^${variable}: .*$`, "m").exec(include)?.[0];

/**
 * What servers have to run before one of them uses an account that another may not know: accounts that are to come without anything in them. It is `now` itself where they
 * are there already, for a run that was killed may not have brought it to all; undefined where none comes. A lone server has nobody to tell.
 */
function withAccounts(now: string, next: string): string | undefined {
  const [known, empty, emptyNext] = [new Set(accountsIn(now)), emptyIn(now), emptyIn(next)];
  const coming = accountsIn(next).filter((name) => !emptyNext.has(name) && (!known.has(name) || empty.has(name)));
  if (coming.length === 0 || lineOf(ROUTE_LOGIN, now) === undefined) return undefined;
  const missing = coming.filter((name) => !known.has(name));
  if (missing.length === 0) return now;
  return tagged(now.replace(ACCOUNTS, () => `${ACCOUNTS}${missing.map((name) => `  ${name} {}\n`).join("")}`));
}

const emptyIn = (include: string): ReadonlySet<string> =>
  new Set([...include.matchAll(/^ {2}(\S+) \{\}$/gm)].map(([, name = ""]) => name));

/** First nobody is asked for a password, then all have the next one's URLs; in between any server may join whom TLS does not keep out. */
function routeSteps(now: string, next: string): readonly string[] {
  const [login, nextLogin, urls] = [lineOf(ROUTE_LOGIN, now), lineOf(ROUTE_LOGIN, next), lineOf(ROUTE_URLS, next)];
  if (login === undefined || nextLogin === undefined || urls === undefined || login === nextLogin) return [];
  const open = now.replace(login, () => `${ROUTE_LOGIN}: {}`);
  const renewed = open.replace(lineOf(ROUTE_URLS, open) ?? "", () => urls);
  return [open, renewed].map(tagged);
}

/** The same include file with the tag of its changed text. */
function tagged(include: string): string {
  const text = include.slice(0, include.indexOf("server_tags: ["));
  return `${text}${include.slice(text.length).replace(tagOf(include), configTag(text))}`;
}
