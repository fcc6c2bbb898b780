// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { PrimarySettings } from "../config/settings.ts";
import { PlainError } from "../lib/plainError.ts";
import { includeText, planOf } from "../nats/primaryConfig.ts";
import { planText } from "../nats/streams.ts";

/** Bytes of what a Secret or a ConfigMap may hold that are for edges; each holds a MiB in all (validation of the API server, MaxSecretSize). */
const ROOM = 1_000_000;

/**
 * Refuses more edges than fit into the Secret with their logins, or into the controller's plan with their streams, in the preview already.
 * @throws PlainError with one line
 */
export function checkEdgesFit(settings: PrimarySettings, known: readonly string[], stack: string): void {
  const key = { seed: "S".repeat(58), publicKey: "U".repeat(56) };
  const leafs = Object.fromEntries(settings.edges.map(({ name }) => [name, key]));
  const password = "p".repeat(32);
  const secrets = {
    admin: password,
    app: password,
    controller: settings.persistence && password,
    leafs,
    route: undefined,
  };
  const parts = [
    {
      bytes: Buffer.byteLength(includeText(settings, known, { ...secrets, files: {} })),
      what: "logins",
      of: "a Secret",
    },
    { bytes: Buffer.byteLength(planText(planOf(settings))), what: "streams", of: "a ConfigMap" },
  ];
  for (const { bytes, what, of } of parts) {
    if (bytes <= ROOM) continue;
    const fit = Math.floor((settings.edges.length * ROOM) / bytes);
    throw new PlainError(
      `ops-nats:edges of stack ${stack}: expected as many as fit into ${of} of Kubernetes, some ${fit} of these; came ${settings.edges.length}, whose ` +
        `${what} take ${bytes} bytes of ${ROOM}; nothing was changed; next: shorter names or fewer subjects, or a second primary`,
    );
  }
}
