// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import resources from "@pulumi/pulumi/proto/resource_pb.js";
import structs from "google-protobuf/google/protobuf/struct_pb.js";
import { isMap } from "../lib/merge.ts";

export type Values = Readonly<Record<string, unknown>>;

interface Monitor {
  invoke(
    request: resources.ResourceInvokeRequest,
    done: (error: { readonly details?: string; readonly message: string } | null, answer: Answer) => void,
  ): void;
}
interface Answer {
  getReturn(): structs.Struct | undefined;
}

/** The engine's own function (builtins.go of pulumi/pkg) by which a StackReference reads. */
const READ = "pulumi:pulumi:readStackOutputs";

/**
 * What a stack's last `up` put out, secrets in the form of the wire (see {@link opened}); undefined where it never had one. A StackReference would copy all of it into the
 * reader's state. And it is asked for without `pulumi.runtime.invoke`, which writes what is answered into the debug log as it is (`pulumi up --debug`).
 * @param stack its full name
 * @throws Error of the engine, in its own words: no such stack, no right to read it
 */
export async function outputsOf(stack: string): Promise<Values | undefined> {
  const request = new resources.ResourceInvokeRequest();
  request.setTok(READ);
  request.setArgs(structs.Struct.fromJavaScript({ name: stack }));
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const answer = await new Promise<Answer>((resolve, reject) =>
    monitor.invoke(request, (error, found) => {
      if (error === null) resolve(found);
      else reject(new Error(error.details || error.message));
    }),
  );
  const outputs = opened((answer.getReturn()?.toJavaScript() as Values | undefined)?.outputs);
  return isMap(outputs) && Object.keys(outputs).length > 0 ? outputs : undefined;
}

/** The key of a special value's kind; the only kinds that this program's own outputs have are plain ones and secrets. */
const KIND = "4dabf18193072939515e22adb298388d";

/** A value, or what is in it where it is a secret. */
export const opened = (value: unknown): unknown => (isMap(value) && KIND in value ? value.value : value);
