// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { Edge } from "./components/edge.ts";
import { Primary } from "./components/primary.ts";
import { SHARED_FILE } from "./config/sharedFile.ts";
import { clusterClient } from "./kubernetes/client.ts";
import { inClusterKubeconfig, knownContexts } from "./kubernetes/kubeconfig.ts";
import { accessKeys, clusterProvider } from "./kubernetes/provider.ts";
import { PlainError, printable } from "./lib/plainError.ts";
import { readLeafLink, warnOfEnd } from "./link/leafLink.ts";
import { outputsOf } from "./link/stackOutputs.ts";
import { serversIn } from "./nats/chartValues.ts";
import { checkNames, clusterNames } from "./nats/clusterNames.ts";
import { edgeValues } from "./nats/edgeConfig.ts";
import { primaryValues } from "./nats/primaryConfig.ts";
import { edgeOutputs, primaryOutputs } from "./outputs.ts";
import { checkFileLimit } from "./preflight/claims.ts";
import { checkStore } from "./preflight/edgeStore.ts";
import { checkEdgesFit } from "./preflight/edgesFit.ts";
import { exposures } from "./preflight/exposure.ts";
import { checkOthersCertificate } from "./preflight/othersCertificate.ts";
import { preflight } from "./preflight/preflight.ts";
import { readSettings } from "./preflight/settings.ts";

/** Settings -> preflight -> component -> outputs. */
export default async function program(connect = clusterClient) {
  const config = pulumi.runtime.allConfig() as Record<string, string>;
  // the engine's own list; the SDK keeps its reader of it to itself
  const secretKeys = new Set<string>(JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]"));
  const sharedFile = join(pulumi.runtime.getRootDirectory(), SHARED_FILE);
  const [organization, project, stack] = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()];
  const fullName = `${organization}/${project}/${stack}`;
  const settings = readSettings({
    stack,
    organization,
    project,
    config,
    secretKeys,
    sharedFile: existsSync(sharedFile) ? readFileSync(sharedFile, "utf8") : undefined,
    contexts: knownContexts,
  });
  const keys = accessKeys(config);
  const access = settings.inCluster ? { ...keys, kubeconfig: inClusterKubeconfig(process.env) } : keys;
  const cluster = connect(access, fullName);
  if (settings.role === "primary") {
    const values = serversIn(primaryValues(settings));
    checkFileLimit(cluster, "primary", settings.persistence?.size, values);
    for (const exposed of exposures(settings, stack)) await pulumi.log.info(exposed);
    const ground = await preflight(cluster, settings, values);
    checkEdgesFit(settings, ground.knownEdges, stack);
    await checkOthersCertificate(cluster, settings);
    const provider = clusterProvider(access, secretKeys, ground.clusterIdentifier);
    const of = (other: string) => outputsOf(other).catch(() => undefined); // none, or not ours to read: it is told which
    return primaryOutputs(new Primary("nats", { settings, cluster, ...ground, outputsOf: of }, { provider }), settings);
  }
  const primary = await outputsOf(settings.primaryStack).catch(({ message }: Error) => {
    throw new PlainError(
      `ops-nats:primaryStack of stack ${stack}: expected a stack that can be read; came ${printable(message.trim(), 500)}; next: pulumi stack ls --all, then ` +
        `pulumi config set ops-nats:primaryStack <organization/project/stack> -s ${stack}`,
    );
  });
  const link = readLeafLink(primary, settings.primaryStack, settings.edge, stack);
  await warnOfEnd(primary, settings.primaryStack);
  checkStore(settings, link, stack);
  checkNames(clusterNames(settings, link), stack);
  const values = serversIn(edgeValues(settings, link));
  checkFileLimit(cluster, "edge", link.store && settings.persistence.size, values);
  const ground = await preflight(cluster, settings, values);
  const provider = clusterProvider(access, secretKeys, ground.clusterIdentifier);
  return edgeOutputs(new Edge("nats", { settings, link, cluster, ...ground }, { provider }), settings, link);
}
