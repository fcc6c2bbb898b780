// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { z } from "zod";
import { deployment, resourcesOf } from "../config/complete.ts";
import { edgeFaults, type Fault, issueFaults, report } from "../config/report.ts";
import { edgeName, edgeSchema, primarySchema } from "../config/schema.ts";
import type { Settings } from "../config/settings.ts";
import { SHARED_FILE, sharedKeys } from "../config/sharedFile.ts";
import { type Keys, NAMESPACE, ownKeys, SECRET_KEYS, type Source } from "../config/source.ts";
import { seconds } from "../config/units.ts";
import { merge } from "../lib/merge.ts";
import { PlainError } from "../lib/plainError.ts";
import { extraFaults } from "./extraFaults.ts";
import { edgesFaults, nameFaults, persistenceFaults, portFaults } from "./settingsFaults.ts";
import { valuesFaults } from "./valuesGuard.ts";

/**
 * Turns configuration into settings.
 * @throws PlainError that lists every fault: key, what was expected, what came, the command that mends it.
 */
export function readSettings(source: Source): Settings {
  const own = ownKeys(source);
  const role = own.role ?? (source.stack === "primary" ? "primary" : "edge");
  const faults: Fault[] = [...secretFaults(source)];
  const shared = role === "edge" && source.stack !== "edge" ? sharedKeys(source.sharedFile, faults) : {};
  // a chart is one thing: the parts of two would contradict each other
  const merged: Keys = { ...(merge(shared, own) as Keys), ...("chart" in own ? { chart: own.chart } : {}) };
  const isSecret = (key: string) => source.secretKeys.has(`${NAMESPACE}:${key}`);
  // what was encrypted and may not be is not looked into: whatever would be said of it, of its parts or beside it, could show it
  const closed = (key: string) => isSecret(key) && !SECRET_KEYS.includes(key);
  const keys: Keys = Object.fromEntries(Object.entries(merged).filter(([key]) => !closed(key)));
  const found: Fault[] = [];
  const settings = role === "primary" ? readPrimary(keys, found) : readEdge(keys, source, found);
  faults.push(...clusterFaults(source, keys));
  found.push(
    ...valuesFaults(keys.values, role === "primary" ? "primary" : "edge"),
    ...extraFaults(keys, isSecret, source.stack),
  );
  const fromShared = ({ key }: Fault) => topKey(key) in shared && !(topKey(key) in own);
  faults.push(
    ...found
      .filter(({ key }) => !closed(topKey(key)))
      .map((fault) => (fromShared(fault) ? { ...fault, command: `edit ${SHARED_FILE}` } : fault))
      .map((fault) => hidden(fault, SECRET_KEYS.includes(topKey(fault.key)))),
  );
  if (faults.length > 0 || settings === undefined) throw new PlainError(report(faults, source.stack));
  return deepFreeze(settings);
}

/** Which cluster has to be said: what the shell points at is another one tomorrow. */
function* clusterFaults({ config, contexts, stack }: Source, keys: Keys): Generator<Fault> {
  const chosen = ["kubernetes:context", "kubernetes:kubeconfig"].filter((key) => Boolean(config[key]));
  const inCluster = keys.inCluster === true;
  if (inCluster && chosen.length > 0) {
    const command = `pulumi config rm ops-nats:inCluster -s ${stack}`;
    yield { key: "inCluster", expected: `false beside ${chosen.join(" and ")}`, came: true, command };
  }
  if (config["kubernetes:clusterIdentifier"] !== undefined) {
    const command = `pulumi config rm kubernetes:clusterIdentifier -s ${stack}`;
    yield {
      key: "kubernetes:clusterIdentifier",
      expected: "nothing: the stack knows its cluster by itself",
      came: "a value",
      command,
    };
  }
  const driver = /"driver"\s*:\s*"(\w+)"/.exec(config["kubernetes:helmReleaseSettings"] ?? "")?.[1];
  if (driver !== undefined && !/^secrets?$/.test(driver)) {
    const expected = "Helm's own driver, secret: what it keeps of a release is looked at";
    const command = `pulumi config rm --path 'kubernetes:helmReleaseSettings.driver' -s ${stack}`;
    yield { key: "kubernetes:helmReleaseSettings", expected, came: driver, command };
  }
  if (inCluster || chosen.length > 0) return;
  const names = contexts();
  const expected = `a context (${names.length > 0 ? `there are ${names.join(", ")}` : "the kubeconfig has none"}), or kubernetes:kubeconfig, or ops-nats:inCluster: true`;
  const command = `pulumi config set kubernetes:context ${names.length === 1 ? names[0] : "<context>"} -s ${stack}`;
  yield { key: "kubernetes:context", expected, came: undefined, command };
}

/** What is or may be a password is not shown, whatever is wrong with it. */
function hidden(fault: Fault, secret: boolean): Fault {
  return secret && fault.came !== undefined ? { ...fault, came: "[secret]" } : fault;
}

const topKey = (key: string): string => /^[^.[]*/.exec(key)?.[0] ?? key;

function readPrimary(keys: Keys, faults: Fault[]): Settings | undefined {
  const parsed = check(primarySchema, "primary", keys, faults);
  faults.push(...portFaults(keys), ...edgesFaults(keys.edges), ...persistenceFaults(keys));
  if (!parsed) return undefined;
  const { persistence, hosts, ...rest } = parsed;
  const { enabled, size, storageClass, maxAge, whenFull } = persistence;
  return {
    ...rest,
    ...deployment(parsed),
    resources: resourcesOf(parsed, "primary", enabled ? size : undefined),
    role: "primary",
    hosts: hosts as [string, ...string[]],
    persistence: enabled ? { size, storageClass, maxAge: seconds(maxAge), whenFull } : undefined,
  };
}

function readEdge(keys: Keys, source: Source, faults: Fault[]): Settings | undefined {
  const name = edgeName.safeParse(source.stack);
  if (!name.success && keys.edge === undefined) faults.push(...edgeFaults(source.stack, name.error.issues));
  const parsed = check(edgeSchema, "edge", keys, faults);
  faults.push(...nameFaults(keys.acceptClusterNames, String(keys.edge ?? source.stack)));
  if (!parsed) return undefined;
  const primaryStack = parsed.primaryStack ?? `${source.organization}/${source.project}/primary`;
  const { size, storageClass } = parsed.persistence;
  const persistence = { size, storageClass };
  return {
    ...parsed,
    ...deployment(parsed),
    resources: resourcesOf(parsed, "edge", size),
    role: "edge",
    edge: parsed.edge ?? source.stack,
    primaryStack,
    persistence,
    leafPort: parsed.leafPort,
  };
}

function check<T extends z.ZodType>(schema: T, role: string, keys: Keys, faults: Fault[]): z.output<T> | undefined {
  const result = schema.safeParse(keys);
  if (result.success) return result.data;
  faults.push(...issueFaults(result.error.issues, keys, role));
  return undefined;
}

/** The passwords are made by the program; a key that was encrypted would be printed in clear by it. */
function* secretFaults(source: Source): Generator<Fault> {
  for (const full of source.secretKeys) {
    if (!full.startsWith(`${NAMESPACE}:`)) continue;
    const key = full.slice(NAMESPACE.length + 1);
    if (SECRET_KEYS.includes(key)) continue;
    const command = `pulumi config rm ${full} -s ${source.stack}   (then set it again without --secret)`;
    yield { key, expected: "a plain value: the program makes its own secrets", came: "[secret]", command };
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
