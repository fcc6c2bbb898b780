// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { accessKeys, clusterClient, clusterProvider } from "./cluster.ts";
import { checkFileLimit } from "./components/claims.ts";
import { checkStore, Edge, edgeValues } from "./components/edge.ts";
import { readLeafLink } from "./components/leafLink.ts";
import { Primary, primaryValues } from "./components/primary.ts";
import { publishWarning } from "./components/serverVersion.ts";
import { serversIn, serverTag } from "./components/values.ts";
import { readSettings, SHARED_FILE } from "./config.ts";
import { edgeOutputs, primaryOutputs } from "./outputs.ts";

/** Settings -> role -> component -> outputs. */
export default async function program() {
  const config = pulumi.runtime.allConfig() as Record<string, string>;
  // the engine's own list; the SDK keeps its reader of it to itself
  const secretKeys = new Set<string>(JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]"));
  const sharedFile = join(pulumi.runtime.getRootDirectory(), SHARED_FILE);
  const [organization, project, stack] = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()];
  const settings = readSettings({
    stack,
    organization,
    project,
    config,
    secretKeys,
    sharedFile: existsSync(sharedFile) ? readFileSync(sharedFile, "utf8") : undefined,
  });
  const keys = accessKeys(config);
  const cluster = clusterClient(keys, `${organization}/${project}/${stack}`);
  if (settings.role === "primary") {
    checkFileLimit(cluster, "primary", settings.persistence?.size, serversIn(primaryValues(settings)));
    const warning = publishWarning(serverTag(settings));
    if (warning !== undefined) await pulumi.log.warn(warning);
    return primaryOutputs(
      new Primary("nats", { settings, cluster }, { provider: clusterProvider(keys, secretKeys) }),
      settings,
    );
  }
  const primary = new pulumi.StackReference(settings.primaryStack);
  const link = await readLeafLink(primary, settings.primaryStack, settings.edge);
  checkStore(settings, link);
  const stored = link.store && settings.persistence.size;
  checkFileLimit(cluster, "edge", stored, serversIn(edgeValues(settings, link)));
  return edgeOutputs(
    new Edge("nats", { settings, link, cluster }, { provider: clusterProvider(keys, secretKeys) }),
    settings,
    link,
  );
}
