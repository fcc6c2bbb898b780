// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings.ts";
import { quote } from "./accounts.ts";
import { PlainError, printable } from "./plainError.ts";
import { commands, fullName, type ReleasePlace, wakeServers } from "./release.ts";
import { assertReloaded, configTag, tagOf } from "./reload.ts";

/** How the servers of a cluster reach each other; nobody else knows the password, and without it no server joins them. */
export interface RouteLogin {
  readonly user: string;
  readonly password: string;
  /** `host:port` of each server's listener for the others. */
  readonly addresses: readonly string[];
}

/** Variables that the include file of a cluster defines: nats.conf, which everybody may read, names them only. */
const URLS = "ROUTES";
const LOGIN = "ROUTE_LOGIN";

/** What nats.conf says below `cluster`: the chart prints routes of its own, without a login. */
export const ROUTES_IN_SECRET = { routes: `<< $${URLS} >>`, authorization: `<< $${LOGIN} >>` };

/** Where the chart's servers listen for each other. */
const PORT = 6222;

/** `host:port` of the servers of a release, for each other; empty for a lone one. */
export function routeAddresses({ release, replicas }: Pick<Settings, "release" | "replicas">): readonly string[] {
  const name = fullName(release);
  const all = Array.from({ length: replicas }, (_, i) => `${name}-${i}.${name}-headless:${PORT}`);
  return replicas === 1 ? [] : all;
}

/** The lines of an include file by which servers of a cluster log in to each other; empty for a lone one, which refuses them. */
export function routeLines(route: RouteLogin | undefined): string {
  if (route === undefined) return "";
  const { user, password, addresses } = route;
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const urls = addresses.map((address) => quote(`nats://${login}@${address}`));
  return `${URLS}: [${urls.join(", ")}]\n${LOGIN}: { user: ${quote(user)}, password: ${quote(password)} }\n`;
}

const lineOf = (variable: string, include: string): string | undefined =>
  new RegExp(`^${variable}: .*$`, "m").exec(include)?.[0];

/**
 * What servers have to run one after the other, each when all run the one before, until they can run `next`: a server knows one password at a time,
 * and one that knows another than its peers is alone. So first nobody is asked for one, then all have the next one's URLs; in between any
 * server may join whom TLS does not keep out.
 * @param now the include file that they run
 * @returns include files; empty where the password stays
 */
export function routeSteps(now: string, next: string): readonly string[] {
  const [login, nextLogin, urls] = [lineOf(LOGIN, now), lineOf(LOGIN, next), lineOf(URLS, next)];
  if (login === undefined || nextLogin === undefined || urls === undefined || login === nextLogin) return [];
  const open = now.replace(login, () => `${LOGIN}: {}`);
  const renewed = open.replace(lineOf(URLS, open) ?? "", () => urls);
  return [open, renewed].map(tagged);
}

/** Where the include file of running servers is. */
interface At {
  readonly secret: string;
  readonly key: string;
}

/**
 * Takes running servers to where all of them can be given `next`, one step after the other (see {@link routeSteps}), each when all of them run the
 * one before. Where one fails, they get back what they had. A run that was interrupted begins anew with the next `up`: until then any
 * server may join whom TLS does not keep out.
 */
export async function bridgeRoutes(place: ReleasePlace, { secret, key }: At, next: string): Promise<void> {
  const { cluster, namespace, release } = place;
  const now = (await cluster.secret(namespace, secret))?.[key];
  const steps = now === undefined ? [] : routeSteps(now, next);
  // servers that are not there take the new one when they are
  if (now === undefined || (await cluster.runningServers(namespace, release)) === undefined) return;
  const give = async (include: string) => {
    const since = Date.now();
    await cluster.writeSecret(namespace, secret, key, include);
    await wakeServers(place);
    return since;
  };
  for (const [i, step] of steps.entries()) {
    await pulumi.log.info(
      `servers in ${namespace}: the password between them changes, step ${i + 1} of ${steps.length + 1}`,
    );
    try {
      await assertReloaded(place, tagOf(step), await give(step));
    } catch (error) {
      // or they would ask for no password until the next run
      await give(now).catch(({ message }: Error) =>
        pulumi.log.warn(`servers in ${namespace} may ask for no password until the next pulumi up (${message})`),
      );
      throw error;
    }
  }
}

/** Seconds that a server which has gone may still be known to others, and between two looks. */
const PARTING = { seconds: 30, pause: 1 };

/**
 * Looks whether anybody but the servers of a release is one of their cluster: who joined while no password was asked, or with one that became known,
 * stays in by routes that our own servers have made, whatever the password is then.
 * @throws PlainError that names the address of each
 */
export async function assertNoStrangers(place: ReleasePlace, { seconds, pause } = PARTING): Promise<void> {
  const { cluster, namespace, release } = place;
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const pods = (await cluster.serverPods(namespace, release)).filter(({ running }) => running);
    const asked = pods.map(({ name }) => cluster.serverRoutes(namespace, name));
    // one may end while it is asked
    const servers = await Promise.all(asked).catch((error: Error) => {
      if (error instanceof PlainError || Date.now() > end) throw error;
      return undefined;
    });
    const own = new Set(servers?.map(({ id }) => id));
    const strangers = servers?.flatMap(({ peers }) => peers).filter(({ id }) => !own.has(id));
    if (strangers?.length === 0) return;
    if (strangers && Date.now() > end) {
      const where = [...new Set(strangers.map(({ address }) => printable(address, 100)))].join(", ");
      throw new PlainError(
        `servers in namespace ${namespace}: expected no others in their cluster; came routes to ${where}, which run none of this release; ` +
          `next: find out what runs there, kubectl -n ${namespace} rollout restart statefulset -l app.kubernetes.io/instance=${release}, ` +
          `then another password (README, "What is not protected yet"), then ${commands(cluster).up}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

/** The same include file with the tag of its changed text. */
function tagged(include: string): string {
  const text = include.slice(0, include.indexOf(`server_tags: [`));
  return `${text}${include.slice(text.length).replace(tagOf(include), configTag(text))}`;
}
