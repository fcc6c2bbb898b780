// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_IMAGES } from "../config/defaults.ts";
import type { EdgeSettings } from "../config/settings.ts";
import { PlainError } from "../lib/plainError.ts";
import type { EdgeLink } from "../nats/edgeLogin.ts";
import { keepsStreams, STORING } from "../nats/serverVersion.ts";
import { MAJORITY } from "./settingsFaults.ts";

/**
 * What the primary asks of an edge that stores, and this one's own settings do not allow.
 * @throws PlainError with one line
 */
export function checkStore(settings: EdgeSettings, { store }: EdgeLink, stack = settings.edge): void {
  const { replicas, images, primaryStack } = settings;
  if (!store) return;
  const { tag } = images.nats;
  const key = "images.nats.tag";
  if (!keepsStreams(tag)) {
    throw new PlainError(
      `ops-nats:${key} of stack ${stack}: expected ${STORING} (${primaryStack} has this edge store its events); came ${tag}; ` +
        `next: pulumi config set --path 'ops-nats:${key}' ${DEFAULT_IMAGES.nats.tag} -s ${stack} && pulumi up -s ${stack}`,
    );
  }
  if (replicas === 2) {
    throw new PlainError(
      `ops-nats:replicas of stack ${stack}: expected ${MAJORITY}; came 2; ` +
        `next: pulumi config set ops-nats:replicas 3 -s ${stack} && pulumi up -s ${stack}`,
    );
  }
}
