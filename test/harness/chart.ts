// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { execa } from "execa";
import { parseAllDocuments } from "yaml";

/** What a chart makes of values: each object by `<kind>/<name>`, nats.conf in it as parsed. */
export type Rendering = ReadonlyMap<string, unknown>;

/** A place where two renderings differ; `undefined` is what is not there. */
export interface Difference {
  /** `<kind>/<name>/<field>/...`, list items by their index. */
  readonly path: string;
  readonly official: unknown;
  readonly standIn: unknown;
}

/** Everything in which the stand-in may differ from the official chart, and why. */
export const ALLOWED: readonly { readonly path: RegExp; readonly reason: string }[] = [
  {
    path: /^(Deployment\/[^/]+\/spec\/template|Pod\/[^/]+)\/spec\/containers\/0\/command\/2$/,
    reason: "the start script of nats-box is our own; a test runs both and compares what they do",
  },
  {
    path: /^Pod\/[^/]+-test-request-reply\/spec\/containers\/0\/args\/2$/,
    reason: "the script of `helm test` is our own; nothing but `helm test` runs it",
  },
];

/** Renders a chart (folder or .tgz) with `helm template`; the message of a refusal is in the error thrown. */
export async function renderChart(
  helm: string,
  chart: string,
  values: unknown,
  { release = "nats", namespace = "ops-system" } = {},
): Promise<Rendering> {
  const input = JSON.stringify(values); // JSON is YAML
  const { stdout } = await execa(helm, ["template", release, chart, "--namespace", namespace, "--values", "-"], {
    input,
  });
  const objects = new Map<string, unknown>();
  for (const document of parseAllDocuments(stdout)) {
    if (document.errors.length > 0) throw new Error(`${chart} renders no YAML: ${document.errors.join("; ")}`);
    const object = document.toJS() as Rendered | null;
    if (object === null) continue;
    const key = `${object.kind}/${object.metadata.name}`;
    if (objects.has(key)) throw new Error(`${chart} renders ${key} twice`);
    const conf = object.data?.["nats.conf"];
    objects.set(
      key,
      conf === undefined ? object : { ...object, data: { ...object.data, "nats.conf": parseNatsConf(conf) } },
    );
  }
  return objects;
}

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** Every difference that is not allowed: of all fields of all objects, absent and null told apart. */
export function differences(official: Rendering, standIn: Rendering): readonly Difference[] {
  const found = [...differ("", Object.fromEntries(official), Object.fromEntries(standIn))];
  return found.filter(({ path }) => !ALLOWED.some((allowed) => allowed.path.test(path)));
}

function* differ(path: string, official: unknown, standIn: unknown): Generator<Difference> {
  if (isTree(official) && isTree(standIn) && Array.isArray(official) === Array.isArray(standIn)) {
    for (const key of new Set([...Object.keys(official), ...Object.keys(standIn)])) {
      yield* differ(path === "" ? key : `${path}/${key}`, official[key], standIn[key]);
    }
  } else if (official !== standIn) yield { path, official, standIn };
}

/** A map or a list: a list is compared as a map of its indices. */
const isTree = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export const describeDifference = ({ path, official, standIn }: Difference): string =>
  `${path}: official ${JSON.stringify(official)}, stand-in ${JSON.stringify(standIn)}`;

/**
 * What nats.conf says, as far as charts write that language: JSON with include lines and bare values. An include line
 * becomes a key with the keys before it, for an included key overrides those and is overridden by those after it; a
 * bare value (a variable, a size as 5Gi) is kept apart from text: `{ bare: "5Gi" }`.
 */
export function parseNatsConf(text: string): unknown {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:;]|[^\s{}[\],:;"]+/g) ?? [];
  let next = 0;
  const take = (expected?: string): string => {
    const token = tokens[next++];
    if (token === undefined || (expected !== undefined && token !== expected)) {
      throw new Error(
        `nats.conf: expected ${expected ?? "a value"}, found ${token ?? "the end"} (token ${next}) in:\n${text}`,
      );
    }
    return token;
  };
  const skip = (token: string): void => {
    if (tokens[next] === token) next++;
  };

  function map(): unknown {
    const entries: Record<string, unknown> = {};
    while (tokens[next] !== "}") {
      const token = take();
      const isInclude = token === "include";
      const key = isInclude ? `include ${take()}` : (JSON.parse(token) as string);
      if (key in entries) throw new Error(`nats.conf: ${key} is there twice in:\n${text}`);
      if (!isInclude) take(":");
      entries[key] = isInclude ? { after: Object.keys(entries) } : value();
      skip(isInclude ? ";" : ",");
    }
    take("}");
    return entries;
  }

  function list(): unknown {
    const items: unknown[] = [];
    while (tokens[next] !== "]") {
      items.push(value());
      skip(",");
    }
    take("]");
    return items;
  }

  function value(): unknown {
    const token = take();
    if (token === "{") return map();
    if (token === "[") return list();
    const isJson = token.startsWith('"') || /^(true|false|null|-?\d+(\.\d+)?(e[+-]?\d+)?)$/i.test(token);
    return isJson ? JSON.parse(token) : { bare: token };
  }

  take("{");
  const conf = map();
  if (next !== tokens.length) throw new Error(`nats.conf: ${tokens[next]} after its end in:\n${text}`);
  return conf;
}
