// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Cluster, ClusterIdentity, HelmRecord, OwnedKind, Owner } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { PlainError } from "../lib/plainError.ts";
import { INCLUDE } from "../nats/files.ts";
import { controllerName, fullName, planName } from "../nats/names.ts";
import { newestFirst } from "./helmRelease.ts";

/** Where a stack is about to write, and as who. */
export interface Claimant {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly release: string;
  /** The stack's own id; undefined before its first `up`. */
  readonly id: string | undefined;
  /** The Certificate that it asks cert-manager for, by its name; undefined where it asks for none. */
  readonly certificate?: string | undefined;
  /** Whether it keeps streams: what that takes in a namespace is asked for where it is made, for not everybody may see it. */
  readonly streams: boolean;
}

/** What one of several controllers acts by. */
const TURN = ["ServiceAccount", "Lease", "Role", "RoleBinding"] as const;

/** All that the program makes under names of its own, and the set of servers, which Helm would take up whoever has made it by other means. */
export const ownNames = ({
  release,
  certificate,
  streams,
}: Pick<Claimant, "release" | "certificate" | "streams">): readonly (readonly [OwnedKind, string])[] => [
  ["Secret", INCLUDE.secret],
  ["ConfigMap", controllerName(release)],
  ["ConfigMap", planName(release)],
  ["Deployment", controllerName(release)],
  ...(streams ? TURN.map((kind) => [kind, controllerName(release)] as const) : []),
  ["Service", `${fullName(release)}-leaf`],
  ["StatefulSet", fullName(release)],
  ...(certificate === undefined ? [] : [["Certificate", certificate] as const]),
];

/**
 * Refuses to write over what another stack, or somebody else, has made in the namespace.
 * @returns the revisions of the release: the newest is this stack's
 * @throws PlainError that lists all that is not this stack's, each with its owner, and the ways on; none of them touches what is there
 */
export async function assertOurs(claimant: Claimant): Promise<readonly HelmRecord[]> {
  const { cluster, namespace, release, id } = claimant;
  const mine = (owner: Owner | undefined) => owner?.id !== undefined && owner.id === id;
  const found = await Promise.all(
    ownNames(claimant).map(async ([kind, name]) => {
      const owner = await cluster.owner(namespace, kind, name);
      return owner === undefined || mine(owner) ? [] : [{ what: `${kind} ${name}`, owner }];
    }),
  );
  const records = newestFirst(await cluster.helmRecords(namespace, release));
  const newest = records[0];
  const others = [
    ...found.flat(),
    ...(newest === undefined || mine(newest.owner)
      ? []
      : [{ what: `Helm release ${release} (${newest.status})`, owner: newest.owner ?? NOBODY }]),
  ];
  // an upgrade by hand takes the marks of what Helm makes away with the values
  const last = records.find(({ owner }) => mine(owner));
  const byHelm = found.flat().every(({ what }) => what.startsWith("StatefulSet "));
  if (byHelm && last && newest && !mine(newest.owner)) {
    throw new PlainError(
      `Helm release ${release} in namespace ${namespace} (${await cluster.place()}): expected this stack's values; came revision ${newest.revision}, made by ` +
        `hand; nothing was changed; next: put what is to stay into ops-nats:values, helm rollback ${release} ${last.revision} -n ${namespace}, ` +
        `then ${commands(cluster).up}`,
    );
  }
  if (others.length > 0) throw new PlainError(await refusal(claimant, others));
  return records;
}

const NOBODY: Owner = { id: undefined, stack: undefined };

async function refusal(
  { cluster, namespace }: Claimant,
  others: readonly { readonly what: string; readonly owner: Owner }[],
): Promise<string> {
  const { up, set } = commands(cluster);
  const told = others.map(({ what, owner }) => `${what}, made by ${owner.stack ?? "somebody else (not by ops-nats)"}`);
  const stacks = [...new Set(others.flatMap(({ owner }) => owner.stack ?? []))];
  const ids = [...new Set(others.flatMap(({ owner }) => owner.id ?? []))];
  const ways =
    stacks.length === 0
      ? [
          `another namespace: ${set("namespace", "<name>")}`,
          `where only the release and what it has made is in the way, another name: ${set("release", "ops-nats")}`,
          `where it is the guide's own installation: docs/guides/from-the-guide.md`,
        ]
      : [
          `where this is not the cluster that you meant: ${set("kubernetes:context", "<context>")}`,
          `for a second stack in this cluster: ${set("namespace", "<name>")}`,
          // only who lost the state of this very stack may take over what runs
          ...(stacks.length === 1 && stacks[0] === cluster.stack && ids.length === 1
            ? [`where the state of this stack was lost: ${set("adopt", ids[0] ?? "")} (docs/operations/lost-state.md)`]
            : []),
        ];
  return (
    `namespace ${namespace} of the cluster (${await cluster.place()}): expected nothing there, or what ${cluster.stack} has made; ` +
    `came ${told.join("; ")}; nothing was changed; next: ${ways.join("; or, ")}; then ${up}`
  );
}

/** The cluster of a stack as it was when the stack began, and as it is. */
export interface Whereabouts {
  readonly remembered: ClusterIdentity;
  readonly seen: ClusterIdentity;
}

/**
 * Refuses another cluster than that in which the stack is: what runs there would be left behind, and two edges of one name would evict each
 * other.
 * @throws PlainError with one line and both ways on
 */
export async function assertSameCluster(cluster: Cluster, { remembered, seen }: Whereabouts): Promise<void> {
  const key = (["uid", "ca"] as const).find((name) => remembered[name] !== undefined && seen[name] !== undefined);
  const { up, destroy, set } = commands(cluster);
  const short = cluster.stack.split("/").at(-1);
  if (key === undefined) {
    throw new PlainError(
      `cluster (${await cluster.place()}): expected to be told whether it is the one that this stack is in; came no right to read ` +
        `namespace kube-system, by whose UID it is known; nothing was changed; next: kubectl auth can-i get namespaces/kube-system, ` +
        `and with that right ${up}`,
    );
  }
  if (remembered[key] === seen[key]) return;
  const name = key === "uid" ? "UID of its kube-system" : "hash of its CA";
  throw new PlainError(
    `cluster (${await cluster.place()}): expected the one that stack ${short} is in (${name}: ${remembered[key]}); came another ` +
      `(${seen[key]}); nothing was changed; next: to go back, ${set("kubernetes:context", "<its context>")}; or, to move, with the former ` +
      `context ${destroy} (at once where the stack has deployed nothing yet), then with this one ${up}; or, where the former cluster is gone for good, pulumi stack rm ${short} --force ` +
      `--preserve-config --yes && pulumi stack init ${short}, then ${up}`,
  );
}
