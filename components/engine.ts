// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import resources from "@pulumi/pulumi/proto/resource_pb.js";
import structs from "google-protobuf/google/protobuf/struct_pb.js";

type Values = Readonly<Record<string, unknown>>;

interface Monitor {
  invoke(
    request: resources.ResourceInvokeRequest,
    done: (error: { readonly details?: string; readonly message: string } | null, answer: Answer) => void,
  ): void;
}
interface Answer {
  getReturn(): structs.Struct | undefined;
}

/**
 * What the engine's own function `pulumi:pulumi:<name>` answers (builtins.go of pulumi/pkg). It is called without `pulumi.runtime.invoke`, which writes the
 * answer into the debug log as it is: `pulumi up --debug` of an edge would show the primary's passwords. Secrets stay in the form of the wire.
 * @throws Error of the engine, in its own words
 */
async function ask(name: string, args: Readonly<Record<string, string>>): Promise<Values> {
  const request = new resources.ResourceInvokeRequest();
  request.setTok(`pulumi:pulumi:${name}`);
  request.setArgs(structs.Struct.fromJavaScript(args));
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const answer = await new Promise<Answer>((resolve, reject) =>
    monitor.invoke(request, (error, found) => {
      if (error === null) resolve(found);
      else reject(new Error(error.details || error.message));
    }),
  );
  return (answer.getReturn()?.toJavaScript() ?? {}) as Values;
}

export const isRecord = (value: unknown): value is Values => typeof value === "object" && value !== null;

/** A value, or what is in it where it is a secret. */
const opened = (value: unknown): unknown => (isRecord(value) && SECRET in value ? value.value : value);
/** The key of a special value's kind; the only kinds that this program's own outputs have are plain ones and secrets. */
const SECRET = "4dabf18193072939515e22adb298388d";

/** What a stack's last `up` put out, secrets left closed; undefined where there was none. */
export async function outputsOf(stack: string): Promise<Values | undefined> {
  // not by a StackReference, which would copy all outputs into the state
  const { outputs } = await ask("readStackOutputs", { name: stack });
  return isRecord(outputs) ? outputs : undefined;
}

/** What the first component of a type registered as an output of that name in a stack's state; undefined where it did not. */
export async function registeredIn(stack: string, type: string, name: string): Promise<unknown> {
  const { outputs } = await ask("readStackResourceOutputs", { stackName: stack });
  // a secret among what a resource put out may have its outputs, or all of them, come as one
  const found = Object.values((opened(outputs) ?? {}) as Values).map(opened);
  const component = found.filter(isRecord).find((resource) => opened(resource.type) === type);
  const registered = opened(component?.outputs);
  return isRecord(registered) ? opened(registered[name]) : undefined;
}
