// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import type { ReleasePlace } from "../kubernetes/port.ts";
import { commands } from "../lib/commands.ts";
import { tagOf } from "../nats/configTag.ts";
import { stepsTo } from "../nats/steps.ts";
import { assertReloaded } from "./reload.ts";
import { wakeServers } from "./wake.ts";

/** Where the include file of running servers is. */
interface At {
  readonly secret: string;
  readonly key: string;
}

/**
 * Takes running servers to where all of them can be given `next`, by {@link stepsTo}, each when all of them run the one before. Where one fails, they get
 * back what they had. A run that was interrupted begins anew with the next `up`.
 */
export async function bridge(place: ReleasePlace, { secret, key }: At, next: string): Promise<void> {
  const { cluster, namespace, release } = place;
  const now = (await cluster.secret(namespace, secret))?.[key];
  const steps = now === undefined ? [] : stepsTo(now, next);
  // servers that are not there take the new one when they are
  if (now === undefined || (await cluster.runningServers(namespace, release)) === undefined) return;
  const give = async (include: string) => {
    const since = Date.now();
    await cluster.writeSecret(namespace, secret, key, include);
    await wakeServers(place);
    return since;
  };
  for (const [i, { what, include }] of steps.entries()) {
    await pulumi.log.info(`servers in ${namespace}: ${what}, step ${i + 1} of ${steps.length + 1}`);
    try {
      await assertReloaded(place, tagOf(include), await give(include));
    } catch (error) {
      // or they might ask for no password until the next run
      await give(now).catch(({ message }: Error) =>
        pulumi.log.warn(
          `servers in ${namespace} were not given back what they had, and stay as they are (${what}) until ${commands(cluster).up} (${message})`,
        ),
      );
      throw error;
    }
  }
}
