// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { PrimarySettings } from "../settings.ts";
import { at, type Values } from "./values.ts";

/** Of which type the user has the client Service, where that opens it to the outside. */
function servicesType(values: Readonly<Values>): string | undefined {
  const { type } = at(at(at(values, "service"), "merge"), "spec");
  return type === "NodePort" || type === "LoadBalancer" ? type : undefined;
}

/** What a client port that is open to the outside means; undefined where it is not. */
export function exposure(
  { clientPort, values }: Pick<PrimarySettings, "clientPort" | "values">,
  stack: string,
): string | undefined {
  const type = servicesType(values);
  if (clientPort === 0 && type === undefined) return undefined;
  const [what, close] =
    clientPort === 0
      ? [`ops-nats:values.service.merge.spec.type ${type}`, `--path 'ops-nats:values.service.merge.spec.type'`]
      : [`ops-nats:clientPort ${clientPort}`, "ops-nats:clientPort"];
  return (
    `${what}: clients outside log in there in plain text; whoever reaches that port may try passwords of app and admin, and whoever is on the way reads ` +
    `passwords and events; to close it: pulumi config rm ${close} -s ${stack}, then pulumi up -s ${stack}`
  );
}
