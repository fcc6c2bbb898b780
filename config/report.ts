// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { z } from "zod";
import { CLIENT_PORT, LEAF_PORT } from "./defaults.ts";
import { edgeSchema, primarySchema } from "./schema.ts";

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
  release: "nats",
  edge: "edge-1",
  replicas: "3",
  timeoutSeconds: "600",
  hosts: "203.0.113.10",
  leafPort: String(LEAF_PORT),
  clientPort: String(CLIENT_PORT),
  edges: "edge-1",
  primaryStack: "organization/ops-nats/primary",
  acceptClusterNames: "default",
};

type Issue = z.core.$ZodIssue;

/** Turns what the schema found into faults; `keys` is what was checked. */
export function issueFaults(issues: readonly Issue[], keys: unknown, role: string): Fault[] {
  return issues.flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((name) => unknownKey([...issue.path, name], role, at(keys, [...issue.path, name])));
    }
    const key = pathText(issue.path);
    const [top, index, ...deeper] = issue.path;
    const direct = index === undefined || (typeof index === "number" && (deeper.length === 0 || deeper[0] === "name"));
    const set = direct ? EXAMPLES[String(top)] : undefined;
    return [{ key, expected: issue.message, came: at(keys, issue.path), set }];
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
  const command = `pulumi config set ops-nats:edge <edge name> -s ${stack}`;
  return issues.map((issue) => ({ key: "stack name (= edge name)", expected: issue.message, came: stack, command }));
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

/** What a terminal would not show, by its number. */
const visible = (text: string): string =>
  text.replace(/[\p{C}\p{Z}]/gu, (sign) =>
    sign === " " ? sign : `\\u${sign.codePointAt(0)?.toString(16).padStart(4, "0")}`,
  );

/** One line a fault, ending in the next command to type. */
export function report(faults: readonly Fault[], stack: string): string {
  const shown = (came: unknown) => (came === undefined ? "nothing" : visible(JSON.stringify(came)));
  const lines = faults.map(({ key, expected, came, set, command }) => {
    const path = key.replace(/\.name$/, "");
    const list = ["hosts", "edges", "acceptClusterNames"].includes(key) ? "[0]" : "";
    const flag = list || /[.[]/.test(path) ? "--path " : "";
    const rm =
      list && came !== undefined && !Array.isArray(came) ? `pulumi config rm 'ops-nats:${path}' -s ${stack} && ` : "";
    const example = set
      ? `${rm}pulumi config set ${flag}'ops-nats:${path}${list}' ${set} -s ${stack}`
      : `edit Pulumi.${stack}.yaml`;
    const next =
      command?.startsWith("pulumi config rm") && !command.includes(" -s ")
        ? `${command} -s ${stack}`
        : (command ?? example);
    const full = /[ ]|^kubernetes:/.test(path) ? path : `ops-nats:${path}`;
    return `${full}: expected ${expected}; came ${shown(came)}; next: ${next}`;
  });
  const count = lines.length === 1 ? "one fault" : `${lines.length} faults`;
  return `${count} in the configuration of stack ${stack}; nothing was changed.\n${lines.map((l) => `  ${l}`).join("\n")}`;
}
