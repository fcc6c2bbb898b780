// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Settings } from "../config/settings.ts";
import { ROUTE } from "../nats/logins.ts";
import { type RouteLogin, routeAddresses } from "../nats/routes.ts";

/**
 * Letters and digits only, so that a password can be typed, put into a URL and into nats.conf as it is.
 * @param adopted the password of a former state, which goes on; it is remembered in the keepers, whose later changes are ignored
 */
export function newPassword(name: string, opts: pulumi.CustomResourceOptions, adopted?: string): pulumi.Output<string> {
  // always there: what a resource lacks is unknown in a preview
  const keepers = pulumi.secret({ adopted: adopted ?? "" });
  const password = new random.RandomPassword(
    name,
    { length: 32, special: false, keepers },
    {
      ...opts,
      ...(adopted === undefined ? { ignoreChanges: ["keepers"] } : {}),
      additionalSecretOutputs: ["keepers"],
    },
  );
  return pulumi.secret(pulumi.all([password.result, password.keepers]).apply(([made, kept]) => kept?.adopted || made));
}

/**
 * The login of the servers of a cluster to each other; undefined for a lone server.
 * @param adopted passwords of a former state, by user
 */
export function newRoute(
  name: string,
  settings: Pick<Settings, "release" | "replicas">,
  opts: pulumi.CustomResourceOptions,
  adopted: Readonly<Record<string, string>>,
): pulumi.Output<RouteLogin> | undefined {
  const addresses = routeAddresses(settings);
  if (addresses.length === 0) return undefined;
  // another number of servers has another password: servers write into their logs which routes they gave up, with the password in them
  return newPassword(`${name}-${addresses.length}`, opts, adopted[ROUTE]).apply((password) => ({
    user: ROUTE,
    password,
    addresses,
  }));
}
