// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createServer, type Server } from "node:http";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Status } from "./status.ts";

export interface Told {
  /** It works: what it does each second was begun not long ago. */
  readonly alive: () => boolean;
  readonly ready: () => boolean;
  readonly status: () => Status | undefined;
}

/** Connections at a time from one address. */
const EACH = 16;

/** `/healthz`, `/readyz`, `/metrics`, `/status`; nothing of them is secret. */
export function pages({ alive, ready, status }: Told): Server {
  const registry = metrics(ready, status);
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 5000 },
    (request, response) => {
      const answer = (code: number, text: string, type = "text/plain") =>
        response.writeHead(code, { "Content-Type": type, "X-Content-Type-Options": "nosniff" }).end(text);
      const path = (request.url ?? "").split("?")[0];
      if (request.method !== "GET" && request.method !== "HEAD") answer(405, "GET only\n");
      else if (path === "/healthz") answer(alive() ? 200 : 503, alive() ? "ok\n" : "it has stopped looking\n");
      else if (path === "/readyz") answer(ready() ? 200 : 503, ready() ? "ok\n" : "not all is as planned\n");
      else if (path === "/status") {
        const found = status();
        answer(found ? 200 : 503, `${JSON.stringify(found ?? { version: 1 })}\n`, "application/json");
      } else if (path === "/metrics") {
        registry.metrics().then(
          (text) => answer(200, text, registry.contentType),
          (error: Error) => answer(500, `${error.message}\n`),
        );
      } else answer(404, "/healthz, /readyz, /metrics, /status\n");
    },
  );
  return bounded(server);
}

/** Ends who says nothing, and who has more than {@link EACH}: the kubelet asks from an address of its own, and nobody else keeps it out. */
function bounded(server: Server): Server {
  const open = new Map<string, number>();
  server.maxConnections = 256;
  server.setTimeout(10_000);
  server.on("connection", (socket) => {
    const from = socket.remoteAddress ?? "";
    const count = (open.get(from) ?? 0) + 1;
    if (count > EACH) {
      socket.destroy();
      return;
    }
    open.set(from, count);
    socket.once("close", () => {
      const left = (open.get(from) ?? 1) - 1;
      if (left > 0) open.set(from, left);
      else open.delete(from);
    });
  });
  return server;
}

function metrics(ready: () => boolean, status: () => Status | undefined): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (
    name: string,
    help: string,
    label: string | undefined,
    values: (s: Status) => [string, number | undefined][],
  ) =>
    new Gauge({
      name: `ops_nats_${name}`,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [registry],
      collect() {
        this.reset();
        const found = status();
        for (const [of, value] of found ? values(found) : []) {
          if (value === undefined) continue;
          if (label === undefined) this.set(value);
          else this.set({ [label]: of }, value);
        }
      },
    });
  const seconds = (date: string) => Date.parse(date) / 1000;
  new Gauge({
    name: "ops_nats_ready",
    help: "1: all streams are as planned, or have not been for less than a minute",
    registers: [registry],
    collect() {
      this.set(Number(ready()));
    },
  });
  gauge("problems", "What is not as planned", undefined, ({ problems }) => [["", problems.length]]);
  gauge("server_up", "1: the server answers", "server", ({ servers }) =>
    servers.map(({ name, runs }) => [name, Number(runs)]),
  );
  gauge(
    "server_well",
    "1: the server answers and is well, which one whose disk is full is not",
    "server",
    ({ servers }) => servers.map(({ name, well }) => [name, Number(well)]),
  );
  gauge("stream_messages", "Events in a stream", "stream", ({ streams }) =>
    streams.map(({ name, messages }) => [name, messages]),
  );
  gauge("stream_bytes", "Bytes of a stream", "stream", ({ streams }) =>
    streams.map(({ name, bytes }) => [name, bytes]),
  );
  gauge("stream_limit_bytes", "Bytes that a stream may have", "stream", ({ streams }) =>
    streams.map(({ name, limit }) => [name, limit]),
  );
  gauge("stream_oldest_seconds", "Age of the oldest event of a stream", "stream", ({ streams }) =>
    streams.map(({ name, oldest }) => [name, oldest]),
  );
  gauge("links", "Leaf links that stand", undefined, ({ links }) => [["", links.length]]);
  gauge("edge_linked", "1: a link stands that was logged in as this edge", "edge", ({ edges }) =>
    edges.map(({ name, linked }) => [name, Number(linked)]),
  );
  gauge("edge_behind_messages", "Events that an edge has stored and the primary has not", "edge", ({ edges }) =>
    edges.map(({ name, behind }) => [name, behind]),
  );
  gauge("edge_silent_seconds", "Seconds since anything came of an edge, signs of life included", "edge", ({ edges }) =>
    edges.map(({ name, silent }) => [name, silent]),
  );
  gauge(
    "certificate_end_timestamp_seconds",
    "When the first certificate of the servers ends",
    "of",
    ({ certificates }) => Object.entries(certificates).map(([of, end]) => [of, seconds(end)]),
  );
  return registry;
}
