// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Settings } from "../settings.ts";
import { type RouteLogin, routeAddresses } from "./routes.ts";

export const ADMIN = "admin";
export const APP = "app";
/** Makes and keeps the primary's streams; at an edge, `app` can. */
export const CONTROLLER = "controller";
/** By which the servers of one cluster log in to each other. */
export const ROUTE = "_route"; // no edge can be called so
/** Of whom the root key is, where passwords are told by user. */
export const ROOT = "_root";
/** Counts, at an edge, events whose cluster name is not carried. */
export const WATCH = "watch";

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

/** Percent-encoded login in front of a URL's host, the only login that Ops knows. */
export const endpoint = (clientUrl: string, user: string, password: string): string =>
  clientUrl.replace("://", `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
