// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { PrimarySettings } from "../config/settings.ts";
import { at, type Values } from "../nats/chartValues.ts";

/** Of which type the user has the client Service, where that opens it to the outside. */
function servicesType(values: Readonly<Values>): string | undefined {
  const { type } = at(at(at(values, "service"), "merge"), "spec");
  return type === "NodePort" || type === "LoadBalancer" ? type : undefined;
}

/** What of the primary may be read or tried by those who should not: a line for each, with the way to close it. */
export function exposures(settings: PrimarySettings, stack: string): readonly string[] {
  return [...clientPortExposure(settings, stack), ...plainLinks(settings, stack)];
}

function* clientPortExposure({ clientPort, values }: PrimarySettings, stack: string): Generator<string> {
  const type = servicesType(values);
  if (clientPort === 0 && type === undefined) return;
  const [what, close] =
    clientPort === 0
      ? [`ops-nats:values.service.merge.spec.type ${type}`, `--path 'ops-nats:values.service.merge.spec.type'`]
      : [`ops-nats:clientPort ${clientPort}`, "ops-nats:clientPort"];
  yield `${what}: clients outside log in there in plain text; whoever reaches that port may try passwords of app and admin, and whoever is on the way reads ` +
    `passwords and events; to close it: pulumi config rm ${close} -s ${stack}, then pulumi up -s ${stack}`;
}

function* plainLinks({ tls }: PrimarySettings, stack: string): Generator<string> {
  if (tls.enabled) return;
  yield `ops-nats:tls.enabled false: links of edges are plain text; whoever is on the way reads and changes events, and can pose as the primary; ` +
    `to encrypt them: pulumi config rm --path 'ops-nats:tls.enabled' -s ${stack}, then pulumi up -s ${stack}, then each edge; an edge that has followed a primary to TLS by itself comes back to plain links only by a restart of its servers`;
}
