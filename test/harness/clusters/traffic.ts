// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { type Kubectl, until } from "../../../sandbox/kubectl.ts";

/**
 * Subscribes in a cluster's nats-box, publishes somewhere, and gives the payloads that came.
 * A first probe goes round until the subscription is known to the publisher's side: events are core NATS.
 */
export async function cross(
  from: Kubectl,
  to: Kubectl,
  subject: string,
  payloads: readonly string[],
  options: { filter?: string; seconds?: number } = {},
): Promise<string[]> {
  const { filter = subject, seconds = 40 } = options;
  const subscriber = to.start(["exec", "deployment/nats-box", "--", "nats", "sub", "--raw", filter]);
  let text = "";
  subscriber.all?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const lines = () => text.split("\n").filter((line) => line !== "");
  try {
    const probe = async () => {
      await from.box(["nats", "pub", subject, "probe"]);
      return lines();
    };
    await until(`a probe on ${subject} at a subscriber of ${filter}`, probe, (seen) => seen.includes("probe"), seconds);
    for (const payload of payloads) await from.box(["nats", "pub", subject, payload]);
    const came = async () => lines().filter((line) => line !== "probe");
    await until(`${payloads.length} events on ${subject}`, came, (seen) => seen.length >= payloads.length, seconds);
    return lines().filter((line) => line !== "probe" && payloads.includes(line));
  } finally {
    subscriber.kill();
  }
}

/**
 * Whether an event comes to a subscriber of everything. The subscription is known to work before, by a control that does
 * arrive, and the answer is given after a second control that was sent later has arrived.
 */
export async function arrives(
  from: Kubectl,
  to: Kubectl,
  subject: string,
  control: { readonly from: Kubectl; readonly subject: string },
): Promise<boolean> {
  const subscriber = to.start(["exec", "deployment/nats-box", "--", "nats", "sub", "--raw", ">"]);
  let text = "";
  subscriber.all?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const seen = (payload: string) =>
    until(
      `the control ${payload} on ${control.subject}`,
      async () => {
        await control.from.box(["nats", "pub", control.subject, payload]);
        return text;
      },
      (all) => all.includes(payload),
    );
  try {
    await seen("control-before");
    await from.box(["nats", "pub", subject, "in-question"]);
    await seen("control-after");
    return text.includes("in-question");
  } finally {
    subscriber.kill();
  }
}
