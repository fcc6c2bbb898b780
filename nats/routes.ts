// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Settings } from "../config/settings.ts";
import { certificates } from "./certificates.ts";
import { type Files, routeFiles } from "./files.ts";
import { fullName } from "./names.ts";
import { quote } from "./text.ts";

/** How the servers of a cluster reach each other; nobody else knows the password, and without it no server joins them. */
export interface RouteLogin {
  readonly user: string;
  readonly password: string;
  /** `host:port` of each server's listener for the others. */
  readonly addresses: readonly string[];
}

/** Variables that the include file of a cluster defines: nats.conf, which everybody may read, names them only. */
export const ROUTE_URLS = "ROUTES";

export const ROUTE_LOGIN = "ROUTE_LOGIN";

/** What nats.conf says below `cluster`: the chart prints routes of its own, without a login. */
export const ROUTES_IN_SECRET = { routes: `<< $${ROUTE_URLS} >>`, authorization: `<< $${ROUTE_LOGIN} >>` };

/** Where the chart's servers listen for each other. */
const PORT = 6222;

/** `host:port` of the servers of a release, for each other; empty for a lone one. */
export function routeAddresses({ release, replicas }: Pick<Settings, "release" | "replicas">): readonly string[] {
  const name = fullName(release);
  const all = Array.from({ length: replicas }, (_, i) => `${name}-${i}.${name}-headless:${PORT}`);
  return replicas === 1 ? [] : all;
}

/** What servers of a cluster show to each other, by the stack's root key; nothing where one is alone. */
export async function routeCertificates(rootKey: string, of: Pick<Settings, "release" | "replicas">): Promise<Files> {
  const names = routeAddresses(of).map((address) => address.slice(0, address.lastIndexOf(":")));
  return names.length === 0 ? {} : routeFiles(await certificates(rootKey, "routes", names));
}

/** The lines of an include file by which servers of a cluster log in to each other; empty for a lone one, which refuses them. */
export function routeLines(route: RouteLogin | undefined): string {
  if (route === undefined) return "";
  const { user, password, addresses } = route;
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const urls = addresses.map((address) => quote(`nats://${login}@${address}`));
  return `${ROUTE_URLS}: [${urls.join(", ")}]\n${ROUTE_LOGIN}: { user: ${quote(user)}, password: ${quote(password)} }\n`;
}
