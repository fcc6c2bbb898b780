// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_IMAGES, DEFAULT_REQUESTS } from "../config/defaults.ts";
import type { Fault } from "../config/report.ts";
import { isMap, merge } from "../lib/merge.ts";
import { listenerValues, ownSubjectValues, serverValues, type Values } from "../nats/chartValues.ts";
import { LEAFS_TLS } from "../nats/files.ts";
import { ALIASES, OVERRIDABLE, type Path, PROTECTED, type Protected, RENDERED } from "./protectedValues.ts";

type Role = "primary" | "edge";

/** One place that values change. */
interface Edit {
  /** The place: in the chart's values, or in what it renders. */
  readonly target: Path;
  /** The same place in the values as they were written. */
  readonly written: Path;
  readonly value: unknown;
  /** A patch has the place in its text: `written` ends at the patch. */
  readonly patch?: boolean;
  /** A patch that puts something behind the end of the list that is `target`: it replaces nothing. */
  readonly append?: boolean;
  /** A map without anything in it: it replaces nothing that is there. */
  readonly empty?: boolean;
  /** A template or a file, which may say anything at that place and below. */
  readonly opaque?: boolean;
}

/** What `values` may not say: what this program sets or relies on, whichever of the chart's ways it is said in. */
export function valuesFaults(values: unknown, role: Role): Fault[] {
  if (!isMap(values)) return []; // the schema says so
  const table = [...PROTECTED.filter((one) => (one.role ?? role) === role), ...OVERRIDABLE, ...ours(role)];
  const found = new Map<string, Fault>();
  for (const edit of edits(values)) {
    const entry = table.find(({ path }) => covers(edit, path) || begins(path, edit.target));
    if (!entry || (covers(edit, entry.path) && entry.allow?.(edit.value))) continue;
    if ((edit.append || edit.empty) && edit.target.length < entry.path.length) continue;
    if (edit.append && entry.append && edit.target.length === entry.path.length) continue;
    const fault = faultOf(edit, entry);
    if (!found.has(fault.key)) found.set(fault.key, fault);
  }
  return [...found.values()];
}

/** The place of an edit is a protected one, or in it. */
const covers = ({ target, written, opaque }: Edit, path: Path): boolean =>
  begins(target, path) || (!opaque && begins(written, path));

function faultOf(edit: Edit, { path, why, use }: Protected): Fault {
  const { target, written, patch } = edit;
  const below = patch || !covers(edit, path) ? 0 : Math.max(0, Math.min(target.length, written.length) - path.length);
  const key = `values${written
    .slice(0, written.length - below)
    .map(step)
    .join("")}`;
  const expected = covers(edit, path)
    ? `${use === undefined ? "nothing here" : `ops-nats:${use} instead`}, because ${why}`
    : `no value that replaces ${path.join(" ")}, because ${why}`;
  return { key, expected, came: shown(edit, below > 0), command: `pulumi config rm --path 'ops-nats:${key}'` };
}

/** Whether a path begins with these steps; `*` among them is any one. */
const begins = (path: Path, steps: Path): boolean =>
  steps.length <= path.length && steps.every((one, i) => one === path[i] || one === "*" || path[i] === "*");

/** Every place that these values change. */
function* edits(values: Values, at: Path = []): Generator<Edit> {
  const rendered = RENDERED[at.join(" ")];
  for (const [key, value] of Object.entries(values)) {
    const written = [...at, key];
    if (rendered && key === "merge") yield* merged(value, rendered, written);
    else if (rendered && key === "patch") yield* patched(value, rendered, written);
    else if (isMap(value) && !isTemplate(value)) yield* edits(value, written);
    else yield* merged(value, written, written);
  }
}

/** The leaves of a map that is merged into what the chart has at a place. */
function* merged(value: unknown, place: Path, written: Path): Generator<Edit> {
  const target = canonical(place);
  if (!isMap(value)) yield { target, written, value };
  else if ("$tplYamlSpread" in value) yield { target: target.slice(0, -1), written, value, opaque: true };
  else if ("$tplYaml" in value) yield { target, written, value, opaque: true };
  else if (Object.keys(value).length === 0) yield { target, written, value, empty: true };
  else {
    for (const [key, below] of Object.entries(value)) {
      const file = target[0] === "nats.conf" && key.endsWith("$include");
      if (file) yield { target, written: [...written, key], value: below, opaque: true };
      else yield* merged(below, [...place, key], [...written, key]);
    }
  }
}

/** The places that a JSON patch changes. */
function* patched(list: unknown, place: Path, written: Path): Generator<Edit> {
  if (list === null) return;
  if (!Array.isArray(list)) return yield { target: place, written, value: list, opaque: true, patch: true };
  for (const [i, operation] of list.entries()) {
    const own = [...written.slice(0, -1), `patch[${i}]`];
    const { op, path, from, value }: Values = isMap(operation) ? operation : {};
    if (op === "test") continue;
    for (const pointer of op === "move" ? [path, from] : [path]) {
      const steps = typeof pointer === "string" ? pointer.split("/").slice(1) : [];
      const append = op === "add" && steps.at(-1) === "-";
      const names = (append ? steps.slice(0, -1) : steps).map((s) => s.replaceAll("~1", "/").replaceAll("~0", "~"));
      yield { target: canonical([...place, ...names]), written: own, value, patch: true, append };
    }
  }
}

/** A place by its one name: nats-server does not tell capitals and has two names for some options; pods are inside a StatefulSet. */
function canonical(path: Path): Path {
  const [head, ...rest] = path;
  if (head === "StatefulSet" && rest[0] === "spec" && rest[1] === "template") return ["pod", ...rest.slice(2)];
  if (head !== "nats.conf") return path;
  return [head, ...rest.map((key) => key.toLowerCase()).map((key) => ALIASES[key] ?? key)];
}

const isTemplate = (value: Values): boolean => "$tplYaml" in value || "$tplYamlSpread" in value;

/** Every place that the program itself sets, for a cluster with all that its role can have. */
function ours(role: Role): readonly Protected[] {
  const images = { ...DEFAULT_IMAGES, registry: "-", pullSecrets: ["-"] };
  const claim = { size: "1Gi", storageClass: "-" };
  const shared = { images, claim, resources: { requests: DEFAULT_REQUESTS[role], limits: { memory: "1Gi" } } };
  const settings = { cluster: "-", replicas: 3, ...shared, sync: "-", files: [], restartKey: "-" };
  const listener = listenerValues({ advertise: "-", clientPort: 1, tls: LEAFS_TLS });
  const more = role === "primary" ? (merge(listener, ownSubjectValues) as Values) : {};
  const set = [...edits(serverValues(settings, more, {}))];
  return set.flatMap(({ target, opaque, written, append }) => {
    if (append) return []; // the lists of our patches are in the table
    return { path: opaque ? [...target, String(written.at(-1))] : target, why: "this program sets it" };
  });
}

const PLAIN = /^[\w$-]+$/;
const step = (text: string): string =>
  PLAIN.test(text) || text.startsWith("patch[") ? `.${text}` : `["${text.replaceAll('"', '\\"')}"]`;

/** What came, without what may be a password: those stand in maps, or in values named so. */
function shown({ value, written, patch }: Edit, partly: boolean): unknown {
  if (partly || patch || /pass|token|secret|key|auth/i.test(written.at(-1) ?? "")) return "[not shown]";
  return typeof value === "object" && value !== null ? "[not shown]" : value;
}
