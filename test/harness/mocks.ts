// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import { ID } from "./fakeClusters.ts";

export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  readonly provider: string | undefined;
}

/** Everything that a program registered, to be looked up by type and name. */
export class Recorder {
  readonly registrations: Registration[] = [];

  /** Type and name of all, sorted: registration order is not creation order. */
  list(): string[] {
    return this.registrations.map(({ type, name }) => `${type} ${name}`).sort();
  }

  get(type: string, name: string): Registration {
    const found = this.registrations.filter((r) => r.type === type && r.name === name);
    if (found.length !== 1 || !found[0])
      throw new Error(`${found.length} registrations of ${type} ${name}; there are:\n${this.list().join("\n")}`);
    return found[0];
  }
}

/** Outputs of other stacks, by stack name; secret ones are named. */
export interface MockStack {
  readonly outputs: Record<string, unknown>;
  readonly secretOutputNames: readonly string[];
}

/** What providers make by themselves. */
const MADE: Readonly<Record<string, (name: string) => object>> = {
  "random:index/randomPassword:RandomPassword": (name) => ({ result: `password-of-${name}` }),
  "random:index/randomString:RandomString": () => ({ result: ID }),
};

/** As a secret comes over the wire. */
export const closed = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

const SECRET = "kubernetes:core/v1:Secret";
/** A cluster gives back as `data` what it was given as `stringData`. */
const encoded = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")]));

/**
 * Puts mocks in place of the engine and gives the recorder; before any resource is made.
 * @param left entries that Secrets keep, whatever is asked for, as in a run with --target
 */
export async function mockEngine(
  stack: string,
  stacks: Readonly<Record<string, MockStack>> = {},
  left?: Readonly<Record<string, string>>,
): Promise<Recorder> {
  const recorder = new Recorder();
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs, provider }) {
        recorder.registrations.push({ type, name, inputs, provider: provider === "" ? undefined : provider });
        const made = type === SECRET ? { data: encoded(left ?? inputs.stringData.value) } : (MADE[type]?.(name) ?? {});
        return { id: `${name}-id`, state: { ...inputs, ...made } };
      },
      call: ({ token, inputs }) => {
        if (token !== "pulumi:pulumi:readStackOutputs") return inputs;
        const found = stacks[inputs.name];
        const outputs = Object.entries(found?.outputs ?? {}).map(([name, value]) => [
          name,
          found?.secretOutputNames.includes(name) ? closed(value) : value,
        ]);
        return { ...inputs, outputs: Object.fromEntries(outputs) };
      },
    },
    "ops-nats",
    stack,
    false,
    "organization",
  );
  // the mock monitor of the SDK does not know hooks: they are accepted, and called by nobody
  const monitor = pulumi.runtime.getMonitor() as unknown as Record<string, unknown>;
  monitor.registerResourceHook = (_request: unknown, done: (error: null, response: object) => void) => done(null, {});
  return recorder;
}

/** The value of an output, waited for, or its error; undefined in it stays. */
export const awaited = <T>(output: pulumi.Input<T>): Promise<T> =>
  (pulumi.output(output) as unknown as { promise(): Promise<T> }).promise();
