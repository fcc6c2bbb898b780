// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { ExtraAccounts, ExtraRemote } from "../config/settings.ts";
import type { Files } from "./files.ts";
import type { RouteLogin } from "./routes.ts";

/** A login; `password` is in clear text here, so what is made of it belongs into a Secret. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What every cluster has: logins of `admin` (system account) and of `app` (Ops, event hooks, people), and what its servers know each other by. */
export interface ServerLogins {
  readonly admin: Login;
  readonly app: Login;
  /** Undefined for a lone server, which refuses what it does not use. */
  readonly route?: RouteLogin | undefined;
  /** Certificates, and what else lies beside the include file. */
  readonly files?: Files;
}

/** An edge that may connect, as the primary's server has to know it. */
export interface LeafUser {
  /** The edge's name. */
  readonly user: string;
  /** The public key of its login. */
  readonly nkey: string;
  /** Subjects that it may publish at the primary. */
  readonly publish: readonly string[];
  /** Subjects of the primary that it may receive. */
  readonly receive: readonly string[];
  /** Whether it keeps them in a stream of its own, from which the primary fetches them. */
  readonly stored: boolean;
}

/** What an edge has beside its own account and the link to the primary. */
export interface EdgeExtras {
  readonly accounts: ExtraAccounts;
  readonly remotes: readonly ExtraRemote[];
  /** Whether leafs may connect to it, at the port that is in {@link LEAF_PORT_VARIABLE}. */
  readonly listens: boolean;
}
