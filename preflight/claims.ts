// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import { bytes } from "../config/units.ts";
import type {
  ClaimTemplate,
  Cluster,
  LeftClaim,
  ReleasePlace,
  RunningServers,
  Servers,
  WantedServers,
} from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { PlainError } from "../lib/plainError.ts";
import { INCLUDE } from "../nats/files.ts";
import { fullName, OWNER_EDGE } from "../nats/names.ts";
import { SHARE } from "../nats/streams.ts";
import { acrossFloor } from "./floor.ts";

const MORE = "docs/operations/changing-persistence.md says more";

/**
 * Refuses, before anything is changed, what Kubernetes cannot change in a set of servers that runs (whether they have a claim,
 * its size and its class), and what JetStream cannot: a lone server's streams are not taken over when it joins a cluster, nor
 * the other way round, what only a server has that goes would be lost, and older servers read streams by other ways.
 * @returns the servers that run; undefined where none do
 * @throws PlainError with one line that says what to do by hand
 */
export async function refuseOtherServers(
  place: ReleasePlace,
  wanted: WantedServers,
): Promise<RunningServers | undefined> {
  const running = await place.cluster.runningServers(place.namespace, place.release);
  if (running === undefined) {
    await refuseOtherClaims(place, wanted);
    return undefined;
  }
  if (running.claim === undefined) await refuseOtherClaims(place, wanted); // or a set made anew would be refused for them
  const former = running.replicas === wanted.replicas ? running.replicas : await formerServers(place, running);
  const number = otherNumber({ ...running, replicas: former }, wanted, place);
  // first the number, for the same reason
  const change =
    acrossFloor(running, wanted, place) ?? (wanted.claim && number) ?? otherClaim(running.claim, wanted, place);
  if (change !== undefined) throw new PlainError(`${change}; ${MORE}`);
  return running;
}

/** How many servers there were before somebody scaled them by hand, which their claims tell. */
async function formerServers(place: ReleasePlace, { claim, replicas }: Servers): Promise<number> {
  if (claim === undefined) return replicas;
  return Math.max(replicas, serversOf(await claimsLeft(place)) ?? 0);
}

/** What a stack's stored events are known by, there and elsewhere. */
export interface Whereabouts extends ReleasePlace {
  /** The stack's own id; undefined before its first `up`, when it has stored nothing. */
  readonly id: string | undefined;
  /** The edge's name, or `primary`. */
  readonly edge: string;
  /** The namespace of the stack's last `up` by its state; undefined where none was, or the last one failed. */
  readonly lastNamespace: string | undefined;
}

/**
 * Refuses another namespace, release or edge name than those of servers of this stack that have claims: new ones would begin with empty claims and
 * what is stored would stay behind, an edge's unread; under another edge name all that it keeps would be replicated once more.
 * @throws PlainError with one line that says what to do
 */
export async function refuseMove(wanted: Whereabouts): Promise<void> {
  if (wanted.id !== undefined) await refuseOwnMove(wanted, wanted.id);
  await refuseOthersClaims(wanted);
}

async function refuseOwnMove(wanted: Whereabouts, id: string): Promise<void> {
  const { cluster, lastNamespace } = wanted;
  // what the state tells goes before a search, which finds copies of the Secret, too, and takes a right that few have
  const namespaces =
    lastNamespace === undefined
      ? await cluster.namespaces(INCLUDE.secret, id).catch((error: Error) => {
          if (!/came: forbidden/.test(error.message)) throw error;
          return [wanted.namespace];
        })
      : [...new Set([wanted.namespace, lastNamespace])];
  for (const namespace of namespaces) {
    const owner = await cluster.owner(namespace, "Secret", INCLUDE.secret);
    if (owner?.id !== id) continue;
    const former = { namespace, release: owner.release ?? wanted.release, edge: owner.edge ?? wanted.edge };
    const key = (["namespace", "release", "edge"] as const).find((name) => former[name] !== wanted[name]);
    if (key === undefined) continue;
    const claims = await cluster.claims(namespace, former.release);
    if (claims.length > 0) throw new PlainError(await moved(wanted, former, key, claims));
  }
}

/** Claims outlive their stack. Servers of another edge on them would hand their events over once more, and under that name. */
async function refuseOthersClaims({ edge, ...place }: Whereabouts): Promise<void> {
  const others = (await claimsLeft(place)).filter((claim) => claim.edge !== undefined && claim.edge !== edge);
  if (others.length === 0) return;
  const { set, up } = commands(place.cluster);
  const names = others.map(({ name }) => name).join(" ");
  throw new PlainError(
    `ops-nats:edge: expected ${others[0]?.edge}, whose events are on claims that are left in namespace ${place.namespace} (${told(others)}); came ` +
      `${edge}, as which they would be replicated once more; nothing was changed; next: ${set("namespace", "<name>")}; or, where nothing in ` +
      `them is needed, kubectl -n ${place.namespace} delete pvc ${names}; then ${up}`,
  );
}

type Former = Readonly<Record<"namespace" | "release" | "edge", string>>;

async function moved(wanted: Whereabouts, former: Former, key: keyof Former, claims: readonly LeftClaim[]) {
  const { set } = commands(wanted.cluster);
  const why =
    key === "edge"
      ? "as which the primary knows what this edge keeps: under another name all of it would be replicated once more"
      : `where this stack's servers run and what they have stored is`;
  const there = key === "edge" ? [] : await claimsLeft(wanted);
  const places = [former, ...(there.length > 0 ? [wanted] : [])];
  const stay = key === "edge" ? "" : ", and streams do not move";
  return (
    `ops-nats:${key}: expected ${former[key]}, ${why} (${told(claims)}); came ${wanted[key]}${stay}; nothing was changed; ` +
    `next: ${set(key, former[key])}, or, ${anew(wanted.cluster, places, key === "edge" ? "under that name" : "there")}; ${MORE}`
  );
}

/** How much of a server's disk all its streams together may take, also when some edge will not store. */
const ROLE_SHARE = { edge: SHARE.edge, primary: SHARE.intake + SHARE.ops + SHARE.own + SHARE.direct };
const PLANNED = Math.max(...Object.values(ROLE_SHARE));

/** The way to smaller streams before their disks are: the server's own limit stays, until they have shrunk. */
const keepLimit = (cluster: Cluster, size: string): string => commands(cluster).set(FILE_LIMIT, size);
const FILE_LIMIT = "values.config.jetstream.fileStore.maxSize";

/**
 * Refuses a limit of the servers' own below what their streams may hold together: they would not be made, for want of room that the disk has.
 * @param size what the streams are sized by, a Kubernetes quantity; undefined where none are kept
 * @param fileLimit how much a server may store, a quantity as well; one that is not known as such is left to the server
 * @param limitKey where that stands in the configuration
 * @throws PlainError with one line that says what to do by hand
 */
export function checkFileLimit(
  cluster: Pick<Cluster, "stack">,
  role: keyof typeof ROLE_SHARE,
  size: string | undefined,
  { fileLimit, limitKey }: { readonly fileLimit: string | undefined; readonly limitKey: string },
): void {
  if (size === undefined || fileLimit === undefined) return;
  const least = Math.ceil(bytes(size) * ROLE_SHARE[role]);
  if (!(bytes(fileLimit) < least)) return;
  const { up, unset } = commands(cluster);
  throw new PlainError(
    `ops-nats:${limitKey}: expected ${least} or more, for the streams of persistence.size ${size}; came ${fileLimit}; ` +
      `next: ${unset(limitKey)} (where Pulumi.edge.yaml has it: edit that), then ${up}`,
  );
}

/**
 * Refuses to make servers on claims that are there when these may hold streams that the servers do not take up: of more than they may
 * store ("insufficient storage resources available", and they cannot be made smaller either), or of another number of servers, unless a
 * cluster grows; or of somebody else's servers, as the guide's, whose names the cluster on them remembers: it would never elect a leader.
 * @throws PlainError with one line that says what to do by hand
 */
export async function refuseOtherClaims(place: ReleasePlace, wanted: WantedServers): Promise<void> {
  const { cluster, namespace } = place;
  const { claim, fileLimit, replicas } = wanted;
  if (claim === undefined || fileLimit === undefined) return;
  const claims = await claimsLeft(place);
  const foreign = claims.filter(({ edge }) => edge === undefined);
  if (foreign.length > 0) throw new PlainError(notOurs(place, foreign));
  const remove = `where nothing in them is needed, kubectl -n ${namespace} delete pvc ${claims.map(({ name }) => name).join(" ")}`;
  const more = `no server was changed; next: %s, or, ${remove}; then ${commands(cluster).up}; ${MORE}`;
  const former = serversOf(claims);
  if (former !== undefined && !continues(former, replicas)) {
    throw new PlainError(
      `ops-nats:replicas: expected ${orMore(former)}, for claims that are left of as many servers (${told(claims)}); came ${replicas}, and ` +
        `${STREAMS_STAY}; ${more.replace("%s", commands(cluster).set("replicas", former))}`,
    );
  }
  const large = claims.filter(
    ({ size }) => bytes(size) > bytes(claim.size) && bytes(size) * PLANNED > bytes(fileLimit),
  );
  const largest = [...large].sort((a, b) => bytes(b.size) - bytes(a.size))[0];
  if (largest === undefined) return;
  throw new PlainError(
    `ops-nats:persistence.size: expected ${largest.size} or more, for servers that are to take the claims that are there (${told(large)}); ` +
      `came ${claim.size}, and servers that may store ${fileLimit} do not take up streams that may have been larger; ` +
      more.replace("%s", `${keepLimit(cluster, largest.size)} until the streams have shrunk`),
  );
}

function notOurs({ cluster, namespace }: ReleasePlace, claims: readonly LeftClaim[]): string {
  const names = claims.map(({ name }) => name).join(" ");
  return (
    `claims in namespace ${namespace}: expected such as this program makes, with annotation ${OWNER_EDGE}; came others (${told(claims)}), as of the guide's ` +
    `installation, on which servers of ours would wait for servers that are gone; nothing was changed; next: save what is needed of them, then ` +
    `kubectl -n ${namespace} delete pvc ${names}; or, where they are this stack's own and were put back by hand, kubectl -n ${namespace} annotate pvc ` +
    `${names} ${OWNER_EDGE}=<the edge's name, or primary>; then ${commands(cluster).up}`
  );
}

/** Warns of claims that are smaller than they are to be: they are about to be replaced, or the disk fills before its stream does. */
export async function tellSmallClaims(place: ReleasePlace, { claim }: WantedServers): Promise<void> {
  if (claim === undefined) return;
  const small = (await claimsLeft(place)).filter(({ size }) => bytes(size) < bytes(claim.size));
  if (small.length === 0) return;
  const what = `claims are smaller than persistence.size, ${claim.size}: ${told(small)}`;
  await pulumi.log.warn(
    `${what}; unless they are about to be replaced, the disk may fill before streams come to their limits; ` +
      "next: docs/operations/changing-persistence.md",
  );
}

const told = (claims: readonly LeftClaim[]) => claims.map(({ name, size }) => `${name} of ${size}`).join(", ");

const claimsLeft = ({ cluster, namespace, release }: ReleasePlace): Promise<readonly LeftClaim[]> =>
  cluster.claims(namespace, release);

function otherClaim(
  now: ClaimTemplate | undefined,
  { claim: wanted, fileLimit, replicas }: WantedServers,
  { cluster, namespace, release }: ReleasePlace,
): string | undefined {
  if (now === undefined && wanted === undefined) return undefined;
  const sameSize = now?.size === wanted?.size || bytes(now?.size ?? "") === bytes(wanted?.size ?? "");
  const sameClass = now?.storageClass === wanted?.storageClass;
  if (sameSize && sameClass) return undefined;
  const text = (c: ClaimTemplate | undefined) =>
    c ? `a claim of ${c.size}${c.storageClass ? ` ${c.storageClass}` : ""}` : "no claim";
  // a set that is made anew takes the claims that are there as they are
  const claims = now && wanted ? "expand the claims, or make new ones; then " : "";
  const shrinks = now && wanted && replicas > 1 && bytes(now.size) * PLANNED > bytes(fileLimit ?? wanted.size);
  const first = shrinks ? `${keepLimit(cluster, now.size)} (streams have to shrink before their disks); ` : "";
  return (
    `ops-nats:persistence: expected ${text(now)} for each server, as they run with; came ${text(wanted)}, which Kubernetes cannot change ` +
    `in a StatefulSet; nothing was changed; next: ${first}${claims}kubectl -n ${namespace} delete statefulset ${fullName(release)} ` +
    `--cascade=foreground (the servers end; claims stay), then ${commands(cluster).up}`
  );
}

/** Whether streams of so many servers go on with another number of them: as they are, or where a cluster grows. */
const continues = (former: number, wanted: number): boolean =>
  former === 1 ? wanted === 1 : wanted !== 1 && wanted >= former;

const STREAMS_STAY = "streams do not move between a lone server and a cluster, nor from servers that go";
const orMore = (servers: number): string => `${servers}${servers > 1 ? " or more" : ""}`;

/** Of how many servers claims are left, by the number that each has in its name; undefined where there is none. */
function serversOf(claims: readonly LeftClaim[]): number | undefined {
  if (claims.length === 0) return undefined;
  const last = Math.max(...claims.map(({ name }) => Number(/[0-9]+$/.exec(name)?.[0])));
  return last === 0 ? 1 : Math.max(3, last + 1); // of three, the last one's may have gone
}

function otherNumber(now: Servers, wanted: Servers, place: ReleasePlace): string | undefined {
  if (now.claim === undefined || now.replicas === 0 || continues(now.replicas, wanted.replicas)) return undefined;
  return (
    `ops-nats:replicas: expected ${orMore(now.replicas)}, as the servers with persistence run; came ${wanted.replicas} (${STREAMS_STAY}); ` +
    `nothing was changed; next: ${commands(place.cluster).set("replicas", now.replicas)}, or, ${anew(place.cluster, [place], `with ${wanted.replicas}`)}`
  );
}

/** The way of who gives up what servers have stored; an edge's has to be at the primary by then. */
function anew(cluster: Cluster, places: readonly Pick<ReleasePlace, "namespace" | "release">[], how: string): string {
  const { up, destroy } = commands(cluster);
  const remove = places.map(
    ({ namespace, release }) => `kubectl -n ${namespace} delete pvc -l app.kubernetes.io/instance=${release}`,
  );
  return (
    `to begin anew ${how} (what is stored goes; at an edge first wait until the primary has all), ` +
    [destroy, ...remove, up].join(", then ")
  );
}
