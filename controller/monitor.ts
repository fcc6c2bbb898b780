// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { Agent, request } from "node:http";
import { type Answer, answerOf } from "./answer.ts";
import type { Log as ReplicaLog } from "./brake.ts";
import { clean } from "./log.ts";
import type { Link, Linked, Server } from "./observed.ts";
import type { Needs } from "./reconcile.ts";

/** Characters of a name that a leaf gives itself, and how many of them are kept. */
const LONGEST = 200;
const MOST = 10_000;

/** Milliseconds that a page may take. */
const TIMEOUT = 2000;

interface Leaf {
  readonly id: number;
  readonly name?: string;
  readonly account?: string;
  readonly ip: string;
  readonly port: number;
  readonly subscriptions_list?: readonly string[];
}
interface Varz {
  readonly start: string;
  readonly tls_cert_not_after?: string;
  readonly leaf?: { readonly tls_cert_not_after?: string };
  readonly cluster?: { readonly tls_cert_not_after?: string };
}
/** Of `/raftz`: accounts, in which groups have a log each. */
type Raftz = Readonly<
  Record<
    string,
    Readonly<
      Record<
        string,
        { readonly wal?: { readonly bytes?: number }; readonly catching_up?: boolean; readonly paused?: boolean }
      >
    >
  >
>;

/** The monitoring ports of a cluster's servers. */
export class Monitor {
  readonly #servers: readonly { readonly name: string; readonly url: string }[];

  /** @param servers by their numbers, `http://host:port` each */
  constructor(servers: readonly { readonly name: string; readonly url: string }[]) {
    this.#servers = servers;
  }

  /** The id of each server; undefined where it does not answer. */
  ids(): Promise<readonly (string | undefined)[]> {
    return this.#all(async (url) => (await page<{ server_id: string }>(`${url}/routez`))?.server_id);
  }

  /** All servers, with what is asked for. */
  async servers(ids: readonly (string | undefined)[], needs: Needs): Promise<readonly Server[]> {
    return this.#all(async (url, name, i) => {
      const [runs, well, varz, links] = await Promise.all([
        isOk(`${url}/healthz?js-server-only=true`),
        isOk(`${url}/healthz`),
        needs.varz ? page<Varz>(`${url}/varz`) : undefined,
        needs.leafz ? leafs(url, "?subs=true").then((all) => all?.map(linkOf)) : undefined,
      ]);
      const certificates = varz && {
        ...end("leaf", varz.leaf?.tls_cert_not_after),
        ...end("cluster", varz.cluster?.tls_cert_not_after),
      };
      const started = varz && Date.parse(varz.start);
      return { name, id: ids[i], sick: runs && !well, started, certificates, links };
    });
  }

  /** Who is linked, as it calls itself. */
  async linked(): Promise<readonly Linked[]> {
    const all = await this.#all(async (url, server) =>
      ((await leafs(url)) ?? []).map(
        ({ name = "", account = "" }): Linked => ({
          server,
          name: clean(name, LONGEST),
          account: clean(account, LONGEST),
        }),
      ),
    );
    return all.flat().slice(0, MOST);
  }

  /** The logs that each server keeps for replicas in an account; undefined where one does not say. */
  logs(account: string): Promise<readonly (readonly ReplicaLog[] | undefined)[]> {
    return this.#all(async (url) => {
      const found = await page<Raftz>(`${url}/raftz?acc=${encodeURIComponent(account)}`);
      return found && Object.values(found).flatMap((groups) => Object.values(groups).map(logOf));
    });
  }

  #all<T>(ask: (url: string, name: string, i: number) => Promise<T>): Promise<readonly T[]> {
    return Promise.all(this.#servers.map(({ url, name }, i) => ask(url, name, i)));
  }
}

const logOf = ({ wal, catching_up = false, paused = false }: Raftz[string][string]): ReplicaLog => ({
  bytes: wal?.bytes ?? 0,
  copies: catching_up || paused,
});

const end = (of: "leaf" | "cluster", date: string | undefined) => {
  const ends = Date.parse(date ?? "");
  return Number.isNaN(ends) ? {} : { [of]: ends };
};

async function leafs(url: string, query = ""): Promise<readonly Leaf[] | undefined> {
  const found = await page<{ readonly leafs?: readonly Leaf[] | null }>(`${url}/leafz${query}`);
  return found && (found.leafs ?? []);
}

const linkOf = ({ id, name = "", ip, port, subscriptions_list = [] }: Leaf): Link => ({
  ...{ id, name, ip, port },
  subscriptions: subscriptions_list,
});

const agent = new Agent({ keepAlive: true });

/** @throws Error where nothing came within {@link TIMEOUT} */
const get = (url: string): Promise<Answer> =>
  answerOf((answered) => request(url, { agent, signal: AbortSignal.timeout(TIMEOUT) }, answered));

/** A page; undefined where nothing came, an error, or no JSON. */
const page = <T>(url: string): Promise<T | undefined> =>
  get(url)
    .then(({ status, text }) => (status === 200 ? (JSON.parse(text) as T) : undefined))
    .catch(() => undefined);

const isOk = (url: string): Promise<boolean> =>
  get(url).then(
    ({ status }) => status === 200,
    () => false,
  );
