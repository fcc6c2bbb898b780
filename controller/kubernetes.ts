// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { request } from "node:https";
import { type Answer, answerOf } from "./answer.ts";
import type { Lease, Leases } from "./lease.ts";

/** Where a pod finds its own (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const TIMEOUT = 5000;

/**
 * The lease of that name, by the service account of the pod; its token is read each time, for it is renewed.
 * @param account the folder with its token and the CA of the API server
 * @param env where `KUBERNETES_SERVICE_HOST` and `_PORT` are, as the kubelet sets them
 */
export function inCluster(namespace: string, name: string, account = ACCOUNT, env = process.env): Leases {
  const ask = asking(account, env);
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

/** Requests to the API server, each over a connection of its own. */
const asking =
  (account: string, env: NodeJS.ProcessEnv) =>
  (method: string, path: string, body?: object): Promise<Answer> => {
    const token = readFileSync(`${account}/token`, "utf8").trim();
    const ca = readFileSync(`${account}/ca.crt`);
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const signal = AbortSignal.timeout(TIMEOUT);
    return answerOf(
      (answered) => request({ agent: false, method, host, port, path, ca, headers, signal }, answered),
      body && JSON.stringify(body),
    ).catch((error: Error) => {
      const why = signal.aborted ? `nothing within ${TIMEOUT / 1000} s` : error.message;
      throw new Error(`the API server (${host}:${port}) gives no answer: ${why}`);
    });
  };
