// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import type { z } from "zod";
import { isMap, merge } from "./components/merge.ts";
import { PlainError } from "./components/plainError.ts";
import { CHART_VERSION, DEFAULT_CHART, DEFAULT_IMAGES, DEFAULT_REQUESTS, memoryFor } from "./defaults.ts";
import { extraFaults, SECRET_KEYS } from "./extraFaults.ts";
import {
  edgeFaults,
  edgesFaults,
  type Fault,
  issueFaults,
  nameFaults,
  persistenceFaults,
  portFaults,
  report,
} from "./faults.ts";
import {
  type Chart,
  edgeName,
  edgeSchema,
  type Images,
  primarySchema,
  type Resources,
  type Settings,
} from "./settings.ts";
import { bytes, cores, seconds } from "./units.ts";
import { valuesFaults } from "./valuesGuard.ts";

const NAMESPACE = "ops-nats";

/** What all edges share; beside Pulumi.yaml. */
export const SHARED_FILE = "Pulumi.edge.yaml";

/** What the configuration is read from; everything is text, as the engine and the file give it. */
export interface Source {
  /** The running stack's name without organization and project. */
  readonly stack: string;
  /** The running organization; `organization` on backends of one's own. */
  readonly organization: string;
  readonly project: string;
  /** All configuration of the stack, by full key (`ops-nats:hosts`), as the engine hands it over. */
  readonly config: Readonly<Record<string, string>>;
  /** Full keys that are stored encrypted. */
  readonly secretKeys: ReadonlySet<string>;
  /** The text of Pulumi.edge.yaml, or undefined where there is none. */
  readonly sharedFile: string | undefined;
  /** The contexts that kubectl would know, for the message that none was chosen. */
  readonly contexts: () => readonly string[];
}

type Map = Record<string, unknown>;

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
  const merged: Map = { ...(merge(shared, own) as Map), ...("chart" in own ? { chart: own.chart } : {}) };
  const isSecret = (key: string) => source.secretKeys.has(`${NAMESPACE}:${key}`);
  // what was encrypted and may not be is not looked into: whatever would be said of it, of its parts or beside it, could show it
  const closed = (key: string) => isSecret(key) && !SECRET_KEYS.includes(key);
  const keys: Map = Object.fromEntries(Object.entries(merged).filter(([key]) => !closed(key)));
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
function* clusterFaults({ config, contexts, stack }: Source, keys: Map): Generator<Fault> {
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

function readPrimary(keys: Map, faults: Fault[]): Settings | undefined {
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

function readEdge(keys: Map, source: Source, faults: Fault[]): Settings | undefined {
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

function check<T extends z.ZodType>(schema: T, role: string, keys: Map, faults: Fault[]): z.output<T> | undefined {
  const result = schema.safeParse(keys);
  if (result.success) return result.data;
  faults.push(...issueFaults(result.error.issues, keys, role));
  return undefined;
}

type Parsed = z.output<typeof edgeSchema> | z.output<typeof primarySchema>;

/** The role's own amounts where nothing is said; an amount that is said has its way over those. */
function resourcesOf({ resources }: Parsed, role: "primary" | "edge", claim: string | undefined): Resources {
  const { requests, limits } = resources;
  const usual = DEFAULT_REQUESTS[role];
  const least = memoryFor(claim === undefined ? 0 : bytes(claim));
  const limit = limits.memory ?? larger(least, requests.memory ?? least, bytes);
  return {
    requests: {
      cpu: smaller(usual.cpu, limits.cpu ?? usual.cpu, cores),
      memory: smaller(usual.memory, limit, bytes),
      ...defined(requests),
    },
    limits: { ...defined(limits), memory: limit },
  };
}

type Measure = (amount: string) => number;
const smaller = (one: string, other: string, of: Measure): string => (of(other) < of(one) ? other : one);
const larger = (one: string, other: string, of: Measure): string => (of(other) > of(one) ? other : one);

const defined = <T extends object>(map: T | undefined) =>
  Object.fromEntries(Object.entries(map ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;

/** Replaces `chart` and `images` by their complete forms. */
function deployment(parsed: Parsed): { readonly chart: Chart; readonly images: Images } {
  const { path, oci, repository, name, version } = parsed.chart;
  const chart: Chart =
    path !== undefined
      ? { chart: path, repository: undefined, version: undefined }
      : oci !== undefined
        ? { chart: oci, repository: undefined, version: version ?? CHART_VERSION }
        : {
            chart: name ?? DEFAULT_CHART.name,
            repository: repository ?? DEFAULT_CHART.repository,
            version: version ?? CHART_VERSION,
          };
  const { registry, pullSecrets, nats, natsBox, reloader, controller } = parsed.images;
  const images: Images = {
    registry,
    pullSecrets: pullSecrets ?? [],
    nats: { ...DEFAULT_IMAGES.nats, ...defined(nats) },
    natsBox: { ...DEFAULT_IMAGES.natsBox, ...defined(natsBox) },
    reloader: { ...DEFAULT_IMAGES.reloader, ...defined(reloader) },
    controller: { ...DEFAULT_IMAGES.controller, ...defined(controller) },
  };
  return { chart, images };
}

/** The stack's own keys of our namespace; the engine hands structured values over as JSON text. */
function ownKeys(source: Source): Map {
  const prefix = `${NAMESPACE}:`;
  const entries = Object.entries(source.config).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(
    entries.map(([key, text]) => [key.slice(prefix.length), fromText(key.slice(prefix.length), text)]),
  );
}

const TEXT_KEYS = new Set(["role", "namespace", "release", "edge", "adopt", "primaryStack"]);

function fromText(key: string, text: string): unknown {
  if (TEXT_KEYS.has(key)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // the schema then says what was expected instead
  }
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

/** What all edges share. Only plain keys of our own namespace may be in it: Pulumi does not read it for other stacks. */
function sharedKeys(text: string | undefined, faults: Fault[]): Map {
  if (text === undefined) return {};
  const file = SHARED_FILE;
  let config: unknown;
  try {
    // loaded here, for a primary never needs it
    const { parse } = createRequire(import.meta.url)("yaml") as typeof Yaml;
    const file: unknown = parse(text) ?? {};
    config = isMap(file) ? (file.config ?? {}) : file;
  } catch (error) {
    faults.push({
      key: file,
      expected: "YAML",
      came: (error as Error).message.split("\n")[0],
      command: `edit ${file}`,
    });
    return {};
  }
  if (!isMap(config)) {
    faults.push({ key: file, expected: "a map below config:", came: config, command: `edit ${file}` });
    return {};
  }
  const shared: Map = {};
  for (const [full, value] of Object.entries(config)) {
    const [namespace, key] = full.includes(":") ? full.split(/:(.*)/s) : [NAMESPACE, full];
    const command = `pulumi config set ${full} … -s <edge>   and remove it from ${file}`;
    if (namespace !== NAMESPACE || key === undefined) {
      faults.push({ key: `${file}: ${full}`, expected: `keys of ${NAMESPACE}: only`, came: value, command });
    } else if (hasSecure(value)) {
      faults.push({
        key: `${file}: ${full}`,
        expected: "no secure: value, its salt is another stack's",
        came: "secure: …",
        command,
      });
    } else {
      shared[key] = value;
    }
  }
  return shared;
}

const hasSecure = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(hasSecure)
    : isMap(value) && ("secure" in value || Object.values(value).some(hasSecure));

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
