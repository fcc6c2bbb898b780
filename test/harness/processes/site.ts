// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Site } from "../../scenarios/deployment.ts";
import type { Installation } from "./installation.ts";

/** An installation of processes as a site that events flow through. */
export function siteOf(nats: Installation, edges: readonly string[], persistent = true): Site {
  return {
    edges,
    place: { level: "processes", version: nats.version, persistent },
    async connect(cluster, lasting = false): Promise<NatsConnection> {
      const set = nats.cluster(cluster);
      const serving = await set.serving();
      if (serving.length === 0) throw new Error(`no server of ${cluster} takes clients yet`);
      // one that connects again may do so at any server
      const servers = (lasting ? set.servers : serving).map(({ ports }) => `127.0.0.1:${ports.client}`);
      const { user, password } = nats.login(cluster);
      const endless = { reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 100 };
      return connect({ servers, user, pass: password, timeout: 2000, ...(lasting ? endless : { reconnect: false }) });
    },
    async controller(): Promise<NatsConnection> {
      const { login } = nats.deployed.controller;
      if (!login) throw new Error("nothing is stored");
      const servers = nats.cluster("primary").servers.map(({ ports }) => `127.0.0.1:${ports.client}`);
      return connect({
        servers,
        user: login.user,
        pass: login.password,
        timeout: 2000,
        reconnect: false,
      });
    },
  };
}
