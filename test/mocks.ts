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
  /** What components registered as their outputs, by URN. */
  readonly componentOutputs: Record<string, unknown> = {};

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
  /** What it registered, of which some is read; by URN. */
  readonly resources?: Readonly<Record<string, { readonly type: string; readonly outputs: object }>>;
}

/** What providers make by themselves. */
const MADE: Readonly<Record<string, (name: string) => object>> = {
  "random:index/randomPassword:RandomPassword": (name) => ({ result: `password-of-${name}` }),
  "random:index/randomString:RandomString": () => ({ result: ID }),
};

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
        if (type === "pulumi:pulumi:StackReference") {
          return { id: name, state: { ...inputs, ...(stacks[name] ?? { outputs: {}, secretOutputNames: [] }) } };
        }
        const made = type === SECRET ? { data: encoded(left ?? inputs.stringData.value) } : (MADE[type]?.(name) ?? {});
        return { id: `${name}-id`, state: { ...inputs, ...made } };
      },
      call: ({ token, inputs }) => {
        if (token === "pulumi:pulumi:readStackOutputs") return { ...inputs, outputs: stacks[inputs.name]?.outputs };
        if (token !== "pulumi:pulumi:readStackResourceOutputs") return inputs;
        return { ...inputs, outputs: stacks[inputs.stackName]?.resources };
      },
    },
    "ops-nats",
    stack,
    false,
    "organization",
  );
  // the mock monitor of the SDK does not know hooks: they are accepted, and called by nobody
  const monitor = pulumi.runtime.getMonitor() as unknown as Record<string, unknown>;
  const register = (monitor.registerResourceOutputs as (...args: unknown[]) => void).bind(monitor);
  monitor.registerResourceOutputs = (
    request: { getUrn(): string; getOutputs(): { toJavaScript(): object } },
    done: unknown,
  ) => {
    recorder.componentOutputs[request.getUrn()] = request.getOutputs().toJavaScript();
    register(request, done);
  };
  monitor.registerResourceHook = (_request: unknown, done: (error: null, response: object) => void) => done(null, {});
  return recorder;
}

/** The value of an output, waited for, or its error; undefined in it stays. */
export const awaited = <T>(output: pulumi.Input<T>): Promise<T> =>
  (pulumi.output(output) as unknown as { promise(): Promise<T> }).promise();
