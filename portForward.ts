// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { PassThrough } from "node:stream";
import type { PortForward } from "@kubernetes/client-node";

export interface PodPage {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
}

/**
 * Reads a page of a pod's own HTTP server by a port forward: it goes by way of the kubelet, so neither a NetworkPolicy nor a firewall
 * between API server and pods stands in between, as both may for the API server's pod proxy.
 * @param seconds the longest that it may take
 * @returns the body of a 200
 * @throws Error when it is another answer, or none in time
 */
export async function portForwardGet(
  forward: PortForward,
  { namespace, pod, port, path }: PodPage,
  seconds = 10,
): Promise<string> {
  const [request, answer, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const what = `no answer of ${pod}:${port}${path} within ${seconds} s`;
    timer = setTimeout(() => reject(new Error(what)), seconds * 1000);
  });
  let socket: { close(): void } | undefined;
  try {
    const opened = forward.portForward(namespace, pod, [port], answer, errors, request);
    const connection = await Promise.race([opened, late]);
    socket = (typeof connection === "function" ? connection() : connection) ?? undefined;
    const page = whole(answer, errors);
    // HTTP/1.0: the server ends the connection behind its answer
    request.write(`GET ${path} HTTP/1.0\r\nHost: ${pod}\r\n\r\n`);
    return await Promise.race([page, late]);
  } catch (error) {
    throw error instanceof Error ? error : new Error((error as { message?: string }).message ?? String(error));
  } finally {
    clearTimeout(timer);
    socket?.close();
  }
}

/** The body, once the length that its head tells is there. */
function whole(answer: PassThrough, errors: PassThrough): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const look = () => {
      const text = got.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      if (head === -1) return;
      const status = text.slice(0, text.indexOf("\r\n"));
      if (!/^HTTP\/1\.[01] 200\b/.test(status)) return reject(new Error(status));
      const length = Number(/^content-length: *([0-9]+)/im.exec(text.slice(0, head))?.[1] ?? Number.NaN);
      const body = got.subarray(head + 4);
      if (body.length >= length) resolve(body.subarray(0, length).toString());
    };
    answer.on("data", (part: Buffer) => {
      got = Buffer.concat([got, part]);
      look();
    });
    answer.once("end", () => {
      const head = got.toString("latin1").indexOf("\r\n\r\n");
      head === -1 ? reject(new Error("the connection ended")) : resolve(got.subarray(head + 4).toString());
    });
    // its first message is the port's number and no more
    errors.on("data", (text: Buffer) => text.length > 0 && reject(new Error(text.toString().trim())));
  });
}
