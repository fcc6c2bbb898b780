// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import { isMap } from "../lib/merge.ts";
import type { Fault } from "./report.ts";
import { type Keys, NAMESPACE } from "./source.ts";

/** What all edges share; beside Pulumi.yaml. */
export const SHARED_FILE = "Pulumi.edge.yaml";

/** What all edges share. Only plain keys of our own namespace may be in it: Pulumi does not read it for other stacks. */
export function sharedKeys(text: string | undefined, faults: Fault[]): Keys {
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
  const shared: Keys = {};
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
