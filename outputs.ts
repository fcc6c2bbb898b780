// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { Edge } from "./components/edge.ts";
import type { Primary } from "./components/primary.ts";
import type { EdgeSettings, PrimarySettings } from "./config/settings.ts";
import { fingerprints, TAKEN } from "./link/authoritiesTaken.ts";
import { leafLinkOutputs } from "./link/leafLink.ts";
import type { EdgeLink } from "./nats/edgeLogin.ts";
import { ADMIN, APP, endpoint } from "./nats/logins.ts";

/** What both roles give out; flat, because secretness is kept per output. `cluster` is this cluster's token in subjects. */
const serverOutputs = ({ server }: Primary | Edge, cluster: string) => ({
  namespace: server.namespace,
  clientUrl: server.clientUrl,
  appUser: APP,
  adminUser: ADMIN,
  opsEventCluster: cluster,
});

/** An edge's own passwords: nobody reads its outputs. */
const passwords = ({ server, adminPassword, appPassword }: Edge) => ({
  appPassword,
  adminPassword,
  opsEventEndpoint: pulumi.secret(
    pulumi.all([server.clientUrl, appPassword]).apply(([url, pw]) => endpoint(url, APP, pw)),
  ),
});

/** Each edge's run reads all of these: the primary's passwords stand in the cluster's Secret alone (decision 18). */
export const primaryOutputs = (primary: Primary, { clientPort }: PrimarySettings) => ({
  ...serverOutputs(primary, "primary"),
  ...leafLinkOutputs(primary.leafLink),
  ...(clientPort === 0 ? {} : { publicClientUrl: primary.publicClientUrl }),
});

export const edgeOutputs = (edge: Edge, settings: EdgeSettings, { urls, ca }: EdgeLink) => ({
  ...serverOutputs(edge, settings.edge),
  ...passwords(edge),
  edge: settings.edge,
  leafUrls: urls,
  [TAKEN]: fingerprints(ca),
});
