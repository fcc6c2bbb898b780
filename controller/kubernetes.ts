// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { request } from "node:https";
import type { Lease, Leases } from "./lease.ts";

/** Where a pod finds its own (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const TIMEOUT = 5000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The lease of that name, by the service account of the pod; its token is read each time, for it is renewed. */
export function inCluster(namespace: string, name: string): Leases {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  return {
    async read() {
      const { status, text } = await ask("GET", `${path}/${name}`);
      if (status === 404) return undefined;
      if (status !== 200) throw new Error(`lease ${name} cannot be read: ${status} ${text}`);
      return JSON.parse(text) as Lease;
    },
    async write(lease) {
      const isNew = lease.metadata.resourceVersion === undefined;
      const metadata = { ...lease.metadata, name, namespace };
      const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...lease, metadata };
      const { status, text } = await (isNew ? ask("POST", path, body) : ask("PUT", `${path}/${name}`, body));
      if (status === 409) return false;
      if (status !== 200 && status !== 201) throw new Error(`lease ${name} cannot be written: ${status} ${text}`);
      return true;
    },
  };
}

function ask(method: string, path: string, body?: object): Promise<Answer> {
  const token = readFileSync(`${ACCOUNT}/token`, "utf8").trim();
  const ca = readFileSync(`${ACCOUNT}/ca.crt`);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return new Promise((resolve, reject) => {
    const asked = request({ method, host, port, path, ca, headers, timeout: TIMEOUT }, (response) => {
      let text = "";
      response
        .setEncoding("utf8")
        .on("data", (part) => {
          text += part;
        })
        .on("end", () => resolve({ status: response.statusCode ?? 0, text }))
        .on("error", reject);
    });
    asked
      .on("timeout", () => asked.destroy(new Error(`nothing within ${TIMEOUT / 1000} s`)))
      .on("error", (error) => reject(new Error(`the API server (${host}:${port}) gives no answer: ${error.message}`)));
    asked.end(body && JSON.stringify(body));
  });
}
