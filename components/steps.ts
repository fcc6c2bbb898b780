// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import { ACCOUNTS, accountsIn } from "./natsConf.ts";
import { commands, type ReleasePlace, wakeServers } from "./release.ts";
import { assertReloaded, configTag, tagOf } from "./reload.ts";
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

/** Where the include file of running servers is. */
interface At {
  readonly secret: string;
  readonly key: string;
}

/**
 * Takes running servers to where all of them can be given `next`, by {@link stepsTo}, each when all of them run the one before. Where one fails, they get
 * back what they had. A run that was interrupted begins anew with the next `up`.
 */
export async function bridge(place: ReleasePlace, { secret, key }: At, next: string): Promise<void> {
  const { cluster, namespace, release } = place;
  const now = (await cluster.secret(namespace, secret))?.[key];
  const steps = now === undefined ? [] : stepsTo(now, next);
  // servers that are not there take the new one when they are
  if (now === undefined || (await cluster.runningServers(namespace, release)) === undefined) return;
  const give = async (include: string) => {
    const since = Date.now();
    await cluster.writeSecret(namespace, secret, key, include);
    await wakeServers(place);
    return since;
  };
  for (const [i, { what, include }] of steps.entries()) {
    await pulumi.log.info(`servers in ${namespace}: ${what}, step ${i + 1} of ${steps.length + 1}`);
    try {
      await assertReloaded(place, tagOf(include), await give(include));
    } catch (error) {
      // or they might ask for no password until the next run
      await give(now).catch(({ message }: Error) =>
        pulumi.log.warn(
          `servers in ${namespace} were not given back what they had, and stay as they are (${what}) until ${commands(cluster).up} (${message})`,
        ),
      );
      throw error;
    }
  }
}
