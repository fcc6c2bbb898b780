// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { Edge } from "../../components/edge.ts";
import type { Login, Remote, ServerLogins } from "../../components/natsConf.ts";
import { Primary } from "../../components/primary.ts";
import { INCLUDE, type Values } from "../../components/values.ts";
import { readSettings } from "../../config.ts";
import type { Settings } from "../../settings.ts";
import { awaited, mockEngine, type Recorder } from "../mocks.ts";

/** What the program gives to a cluster, as far as a NATS server sees it. */
export interface Deployed {
  /** `config` of the chart's values. */
  readonly config: Values;
  /** The include file, from the Secret. */
  readonly include: string;
  readonly logins: ServerLogins;
}

export interface DeployedPrimary extends Deployed {
  /** The leaf link of an edge that is listed. */
  remote(edge: string): Remote;
}

const NO_CLUSTER = { helmRecords: async () => [], serverPods: async () => [], touchPods: async () => {} };

/** Runs the component of a primary without an engine; `keys` as in Pulumi.primary.yaml. */
export async function deployPrimary(keys: Values): Promise<DeployedPrimary> {
  const recorder = await mockEngine("primary");
  const settings = read("primary", keys);
  if (settings.role !== "primary") throw new Error("a stack called primary is not a primary");
  const primary = new Primary("nats", { settings, cluster: NO_CLUSTER });
  await awaited(primary.server.clientUrl);
  const credentials = await awaited<Record<string, Login>>(primary.leafLink.credentials);
  const { urls } = primary.leafLink;
  const remote = (edge: string): Remote => {
    const login = credentials[edge];
    if (!login) throw new Error(`edge ${edge} is not listed: ${Object.keys(credentials)}`);
    return { urls, ...login };
  };
  return { ...(await deployed(recorder, primary)), remote };
}

/** Runs the component of an edge without an engine; `keys` as in Pulumi.edge.yaml. */
export async function deployEdge(name: string, remote: Remote, keys: Values): Promise<Deployed> {
  const recorder = await mockEngine(name);
  const settings = read(name, keys);
  if (settings.role !== "edge") throw new Error(`a stack called ${name} is not an edge`);
  const edge = new Edge("nats", { settings, remote, cluster: NO_CLUSTER });
  await awaited(edge.server.clientUrl);
  return deployed(recorder, edge);
}

function read(stack: string, keys: Values): Settings {
  const entries = Object.entries(keys).map(([key, value]) => [`ops-nats:${key}`, JSON.stringify(value)]);
  const config = Object.fromEntries(entries);
  const names = { organization: "organization", project: "ops-nats" };
  return readSettings({ stack, ...names, config, secretKeys: new Set(), sharedFile: undefined });
}

async function deployed(recorder: Recorder, { adminPassword, appPassword }: Primary | Edge): Promise<Deployed> {
  const release = recorder.get("kubernetes:helm.sh/v3:Release", "nats").inputs.values as { config: Values };
  // secrets are marked in what a resource is registered with: the map is below `value`
  const secret = recorder.get("kubernetes:core/v1:Secret", "nats-auth").inputs.stringData as {
    value: Record<string, string>;
  };
  const include = secret.value[INCLUDE.key];
  if (include === undefined) throw new Error(`no ${INCLUDE.key} in the Secret`);
  const [admin, app] = [await awaited(adminPassword), await awaited(appPassword)];
  const logins = { admin: { user: "admin", password: admin }, app: { user: "app", password: app } };
  return { config: release.config, include, logins };
}
