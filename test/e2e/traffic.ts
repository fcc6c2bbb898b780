// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type Kubectl, until } from "../../sandbox/kubectl.ts";

/**
 * Subscribes in a cluster's nats-box, publishes somewhere, and gives the payloads that came.
 * A first probe goes round until the subscription is known to the publisher's side: events are core NATS.
 * @param expected how many payloads to wait for
 */
export async function cross(
  from: Kubectl,
  to: Kubectl,
  subject: string,
  payloads: readonly string[],
  options: { filter?: string; expected?: number; seconds?: number } = {},
): Promise<string[]> {
  const { filter = subject, expected = payloads.length, seconds = 40 } = options;
  const subscriber = to.start(["exec", "deployment/nats-box", "--", "nats", "sub", "--raw", filter]);
  let text = "";
  subscriber.all?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const lines = () => text.split("\n").filter((line) => line !== "");
  try {
    if (expected > 0) {
      const probe = async () => {
        await from.box(["nats", "pub", subject, "probe"]);
        return lines();
      };
      await until(
        `a probe on ${subject} at a subscriber of ${filter}`,
        probe,
        (seen) => seen.includes("probe"),
        seconds,
      );
    }
    for (const payload of payloads) await from.box(["nats", "pub", subject, payload]);
    if (expected > 0)
      await until(
        `${expected} events on ${subject}`,
        async () => lines().filter((l) => l !== "probe"),
        (seen) => seen.length >= expected,
        seconds,
      );
    return lines().filter((line) => line !== "probe" && payloads.includes(line));
  } finally {
    subscriber.kill();
  }
}
