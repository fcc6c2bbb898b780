// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { Edge } from "../../../components/edge.ts";
import { Primary } from "../../../components/primary.ts";
import type { Settings } from "../../../config/settings.ts";
import { SECRET_KEYS } from "../../../config/source.ts";
import type { Values } from "../../../nats/chartValues.ts";
import type { EdgeLink, EdgeLogins } from "../../../nats/edgeLogin.ts";
import { type Files, INCLUDE } from "../../../nats/files.ts";
import { edgesIn } from "../../../nats/readInclude.ts";
import type { Login, ServerLogins } from "../../../nats/users.ts";
import { readSettings } from "../../../preflight/settings.ts";
import { deployedCluster, mark } from "../fakeClusters.ts";
import { awaited, mockEngine, type Recorder } from "../mocks.ts";
import { source } from "../source.ts";

/** What the program gives to a cluster, as far as a NATS server sees it. */
export interface Deployed {
  /** `config` of the chart's values. */
  readonly config: Values;
  /** The include file, from the Secret. */
  readonly include: string;
  /** What lies beside it. */
  readonly files: Files;
  /** `container.env` of the chart's values. */
  readonly env: Readonly<Record<string, string>>;
  /** What the controller is given. */
  readonly controller: DeployedController;
  readonly logins: ServerLogins;
}

export interface DeployedController {
  /** Files by name: the program and the plan. */
  readonly files: Readonly<Record<string, string>>;
  /** Where it keeps streams. */
  readonly login: Login | undefined;
  /** The login by which it counts strays, at an edge. */
  readonly watch: Login | undefined;
}

export interface DeployedPrimary extends Deployed {
  /** By which its servers are known. */
  readonly ca: string;
  /** The leaf link of an edge that is listed. */
  link(edge: string): EdgeLink;
}

const description = "installed by a test";

/** Runs the component of a primary without an engine; `keys` as in Pulumi.primary.yaml, `former` its include file of before. */
export async function deployPrimary(keys: Values, former = ""): Promise<DeployedPrimary> {
  const recorder = await mockEngine("primary");
  const settings = read("primary", keys);
  if (settings.role !== "primary") throw new Error("a stack called primary is not a primary");
  const ground = { mark: mark("primary"), description, knownEdges: edgesIn(former) };
  const primary = new Primary("nats", {
    settings,
    cluster: deployedCluster,
    outputsOf: async () => undefined,
    ...ground,
  });
  await Promise.all([primary.server.clientUrl, primary.controller.deployment.id].map((output) => awaited(output)));
  const logins = await awaited<EdgeLogins>(primary.leafLink.credentials);
  const { urls } = primary.leafLink;
  const ca = await awaited<string>(primary.leafLink.ca);
  const link = (edge: string): EdgeLink => {
    const login = logins[edge];
    if (!login) throw new Error(`edge ${edge} is not listed: ${Object.keys(logins)}`);
    return { urls, ca, ...login };
  };
  return { ...(await deployed(recorder, primary)), ca, link };
}

/** Runs the component of an edge without an engine; `keys` as in Pulumi.edge.yaml. */
export async function deployEdge(name: string, link: EdgeLink, keys: Values): Promise<Deployed> {
  const recorder = await mockEngine(name);
  const settings = read(name, keys);
  if (settings.role !== "edge") throw new Error(`a stack called ${name} is not an edge`);
  const edge = new Edge("nats", { settings, link, cluster: deployedCluster, mark: mark(name), description });
  await Promise.all([edge.server.clientUrl, edge.controller.deployment.id].map((output) => awaited(output)));
  return deployed(recorder, edge);
}

const read = (stack: string, keys: Values): Settings =>
  readSettings(source(stack, keys, { secretKeys: new Set(SECRET_KEYS.map((key) => `ops-nats:${key}`)) }));

async function deployed(recorder: Recorder, { adminPassword, appPassword }: Primary | Edge): Promise<Deployed> {
  const release = recorder.get("kubernetes:helm.sh/v3:Release", "nats").inputs.values as {
    config: Values;
    container: { env?: Record<string, string> };
  };
  // secrets are marked in what a resource is registered with: the map is below `value`
  const secret = recorder.get("kubernetes:core/v1:Secret", "nats-auth").inputs.stringData as {
    value: Record<string, string>;
  };
  const include = secret.value[INCLUDE.key];
  if (include === undefined) throw new Error(`no ${INCLUDE.key} in the Secret`);
  const [admin, app] = [await awaited(adminPassword), await awaited(appPassword)];
  const logins = { admin: { user: "admin", password: admin }, app: { user: "app", password: app } };
  const env = release.container.env ?? {};
  const files = Object.fromEntries(Object.entries(secret.value).filter(([key]) => /\.(crt|key)$/.test(key)));
  return {
    config: release.config,
    include,
    files,
    env,
    logins,
    controller: deployedController(recorder, secret.value),
  };
}

function deployedController(recorder: Recorder, secret: Readonly<Record<string, string>>): DeployedController {
  const type = "kubernetes:core/v1:ConfigMap";
  const files = Object.assign(
    {},
    ...["nats-controller", "nats-controller-plan"].map((name) => recorder.get(type, name).inputs.data),
  ) as Record<string, string>;
  const { spec } = recorder.get("kubernetes:apps/v1:Deployment", "nats-controller").inputs as unknown as Deployment;
  const env = spec.template.spec.containers[0]?.env ?? [];
  const items = spec.template.spec.volumes.flatMap((volume) => volume.secret?.items ?? []);
  const login = (variable: string): Login | undefined => {
    const user = env.find(({ name }) => name === variable)?.value;
    const key = items.find(({ path }) => path === user)?.key ?? "";
    return user === undefined ? undefined : { user, password: secret[key] ?? "" };
  };
  return { files, login: login("NATS_USER"), watch: login("WATCH_USER") };
}

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly env: readonly Env[] }[];
        readonly volumes: readonly {
          readonly secret?: { readonly items: readonly { readonly key: string; readonly path: string }[] };
        }[];
      };
    };
  };
}
interface Env {
  readonly name: string;
  readonly value?: string;
}
