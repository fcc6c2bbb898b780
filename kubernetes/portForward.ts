// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { request as httpRequest, type IncomingMessage } from "node:http";
import { Duplex, PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
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
  const [sent, answer, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_, reject) => {
    const what = `no answer of ${pod}:${port}${path} within ${seconds} s`;
    timer = setTimeout(() => reject(new Error(what)), seconds * 1000);
    // its first message is the port's number and no more
    errors.on("data", (said: Buffer) => said.length > 0 && reject(new Error(said.toString().trim())));
  });
  let socket: { close(): void } | undefined;
  try {
    const opened = forward.portForward(namespace, pod, [port], answer, errors, sent);
    const connection = await Promise.race([opened, failed]);
    socket = (typeof connection === "function" ? connection() : connection) ?? undefined;
    return await Promise.race([page(Duplex.from({ readable: answer, writable: sent }), pod, path), failed]);
  } catch (error) {
    throw error instanceof Error ? error : new Error((error as { message?: string }).message ?? String(error));
  } finally {
    clearTimeout(timer);
    socket?.close();
  }
}

/** The body of a page, by a connection that is there already: its end is told by the protocol, for the forward itself tells none. */
async function page(connection: Duplex, host: string, path: string): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { createConnection: () => connection, path, headers: { host, connection: "close" } };
    httpRequest(options, resolve).once("error", reject).end();
  });
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${response.statusMessage}`);
  return body;
}
