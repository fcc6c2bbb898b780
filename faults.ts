// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { z } from "zod";
import { eventSubjects } from "./components/natsConf.ts";
import { overlap, withoutCovered } from "./components/subjects.ts";
import { type Edge, edgeSchema, primarySchema } from "./settings.ts";

/** One thing wrong with the configuration. */
export interface Fault {
  /** Path below the namespace: `hosts[0]`, or a file and key. */
  readonly key: string;
  /** Reads after the word "expected". */
  readonly expected: string;
  readonly came: unknown;
  /** A fitting value: the report makes the `pulumi config set` line of it. */
  readonly set?: string;
  /** The next command, where it is not `config set`. */
  readonly command?: string;
}

/** An example for every key, for the command of a fault. */
const EXAMPLES: Readonly<Record<string, string>> = {
  role: "edge",
  namespace: "ops-system",
  replicas: "3",
  hosts: "203.0.113.10",
  leafPort: "32222",
  clientPort: "32223",
  edges: "edge-1",
  primaryStack: "organization/ops-nats/primary",
};

type Issue = z.core.$ZodIssue;

/** Turns what the schema found into faults; `keys` is what was checked. */
export function issueFaults(issues: readonly Issue[], keys: unknown, role: string): Fault[] {
  return issues.flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((name) => unknownKey([...issue.path, name], role, at(keys, [...issue.path, name])));
    }
    const key = pathText(issue.path);
    return [{ key, expected: issue.message, came: at(keys, issue.path), set: EXAMPLES[String(issue.path[0])] }];
  });
}

function unknownKey(path: readonly PropertyKey[], role: string, came: unknown): Fault {
  const schemas = { primary: primarySchema, edge: edgeSchema };
  const key = pathText(path);
  const other = role === "primary" ? "edge" : "primary";
  const top = path.length === 1;
  const known = Object.keys(schemas[role as "primary" | "edge"].shape).join(", ");
  const theirs = top && key in schemas[other].shape;
  const expected = theirs ? `no such key: it belongs to ${other} stacks` : top ? `one of ${known}` : "no such key";
  return { key, expected, came, command: `pulumi config rm${top ? "" : " --path"} 'ops-nats:${key}'` };
}

/** A stack name that cannot be the name of an edge. */
export function edgeFaults(stack: string, issues: readonly Issue[]): Fault[] {
  const command = `pulumi stack rename <edge name> -s ${stack}`;
  return issues.map((issue) => ({ key: "stack name (= edge name)", expected: issue.message, came: stack, command }));
}

/** What a single entry of `edges` cannot show: names twice, subjects that would be delivered twice or in a circle. */
export function* edgesFaults(value: unknown): Generator<Fault> {
  if (!Array.isArray(value)) return;
  const nameOf = (entry: unknown) => (typeof entry === "string" ? entry : (entry as Edge | null)?.name);
  const names = value.map(nameOf);
  for (const [i, name] of names.entries()) {
    if (typeof name === "string" && names.indexOf(name) < i) {
      const command = `pulumi config rm --path 'ops-nats:edges[${i}]'`;
      yield { key: `edges[${i}]`, expected: "every edge once", came: name, command };
    }
  }
  const edges = value.filter((e): e is Edge => Array.isArray(e?.publish) && Array.isArray(e?.receive));
  const up = withoutCovered(edges.flatMap((edge) => [...eventSubjects(edge.name), ...edge.publish]));
  const down = withoutCovered(edges.flatMap((edge) => edge.receive));
  const clash = (subject: string, others: readonly string[]) =>
    others.find((o) => o !== subject && overlap(o, subject));
  for (const [i, edge] of edges.entries()) {
    const command = "edit Pulumi.primary.yaml";
    for (const subject of edge.publish) {
      const other = up.includes(subject) ? clash(subject, up) : undefined;
      const expected = `a subject that does not partly overlap ${other} (both would deliver the same event)`;
      if (other) yield { key: `edges[${i}].publish`, expected, came: subject, command };
    }
    for (const subject of edge.receive) {
      const other = clash(subject, down) ?? up.find((o) => overlap(o, subject));
      const expected = `a subject that does not overlap ${other} (events would circle or come twice)`;
      if (other && down.includes(subject)) yield { key: `edges[${i}].receive`, expected, came: subject, command };
    }
  }
}

const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? String(step) : `.${String(step)}`))
    .join("");

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (v, step) => (typeof v === "object" && v !== null ? (v as Record<PropertyKey, unknown>)[step] : v),
    value,
  );

/** One line a fault, ending in the next command to type. */
export function report(faults: readonly Fault[], stack: string): string {
  const shown = (came: unknown) => (came === undefined ? "nothing" : JSON.stringify(came));
  const lines = faults.map(({ key, expected, came, set, command }) => {
    const path = key.replace(/\.name$/, "");
    const list = key === "hosts" || key === "edges" ? "[0]" : "";
    const flag = list || /[.[]/.test(path) ? "--path " : "";
    const next =
      command ??
      (set ? `pulumi config set ${flag}'ops-nats:${path}${list}' ${set} -s ${stack}` : `edit ops-nats:${path}`);
    const full = /[ ]/.test(path) ? path : `ops-nats:${path}`;
    return `${full}: expected ${expected}; came ${shown(came)}; next: ${next}`;
  });
  const count = lines.length === 1 ? "one fault" : `${lines.length} faults`;
  return `${count} in the configuration of stack ${stack}; nothing was changed.\n${lines.map((l) => `  ${l}`).join("\n")}`;
}
