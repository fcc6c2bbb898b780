// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import type { ClusterLayout } from "./layout.ts";

/** Speaks to a cluster's API server as its administrator. */
export interface Api {
  get(path: string): Promise<unknown>;
  /** Makes an object; that it is there already is fine. */
  create(collection: string, object: object): Promise<void>;
}

export async function connect({ pki, address }: ClusterLayout): Promise<Api> {
  const [ca, cert, key] = await Promise.all(
    ["ca.crt", "admin.crt", "admin.key"].map((file) => readFile(join(pki, file))),
  );

  const call = (method: string, path: string, body?: object) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const outgoing = request(
        { host: address, port: 6443, method, path, headers, ca, cert, key, timeout: 5000, agent: false },
        (incoming) => {
          let text = "";
          incoming.setEncoding("utf8");
          incoming.on("data", (part: string) => {
            text += part;
          });
          incoming.on("error", reject);
          incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 5 s")));
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });

  const refused = (method: string, path: string, { status, text }: { status: number; text: string }) =>
    new Error(`${method} https://${address}:6443${path}: ${status} ${text.slice(0, 300)}`);

  return {
    async get(path) {
      const answer = await call("GET", path);
      if (answer.status !== 200) throw refused("GET", path, answer);
      return answer.text.startsWith("{") ? JSON.parse(answer.text) : answer.text;
    },
    async create(collection, object) {
      const answer = await call("POST", collection, object);
      if (answer.status !== 201 && answer.status !== 409) throw refused("POST", collection, answer);
    },
  };
}
