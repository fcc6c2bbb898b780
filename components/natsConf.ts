// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { ExtraAccounts, ExtraRemote } from "../settings.ts";
import {
  APP_ACCOUNT,
  extraAccounts,
  list,
  NO_LEAF_ACCOUNT,
  noLeafAccount,
  primaryAccounts,
  quote,
  refusedFromHub,
  type StoreAccess,
} from "./accounts.ts";
import { mappings, type Naming, watchUser } from "./clusterNames.ts";
import { configTag } from "./reload.ts";
import { type RouteLogin, routeLines } from "./routes.ts";

/** A login; `password` is in clear text here, so what is made of it belongs into a Secret. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** The logins that every cluster has: `admin` (system account), `app` (Ops, event hooks, people), and that of its servers. */
export interface ServerLogins {
  readonly admin: Login;
  readonly app: Login;
  /** Undefined for a lone server, which refuses what it does not use. */
  readonly route?: RouteLogin | undefined;
}

/** An edge that may connect, as the primary's server has to know it. */
export interface LeafUser extends Login {
  /** Subjects that it may publish at the primary. */
  readonly publish: readonly string[];
  /** Subjects of the primary that it may receive. */
  readonly receive: readonly string[];
  /** Whether it keeps them in a stream of its own, from which the primary fetches them. */
  readonly stored: boolean;
}

/** A leaf link as the edge's server has to know it. Hosts and ports only: the login goes into each URL. */
export interface Remote extends Login {
  readonly urls: readonly string[];
}

/** What an edge has beside its own account and the link to the primary. */
export interface EdgeExtras {
  readonly accounts: ExtraAccounts;
  readonly remotes: readonly ExtraRemote[];
  /** Whether leafs may connect to it, at the port that is in {@link LEAF_PORT_VARIABLE}. */
  readonly listens: boolean;
}

const NO_EXTRAS: EdgeExtras = { accounts: {}, remotes: [], listens: false };

/** The variable in a server's environment with the port of an edge's leaf listener: another makes the pods anew, as it has to. */
export const LEAF_PORT_VARIABLE = "LEAF_PORT";

const login = ({ user, password }: Login): string => `user: ${quote(user)}, password: ${quote(password)}`;

/**
 * The include file of a server: the system account, the accounts of its role, what else the role needs. Its last line tags the server with
 * what it runs.
 * @param tags further tags, as nats.conf has them
 */
function include(
  { admin, route }: ServerLogins,
  accounts: readonly string[],
  rest: string,
  tags: readonly string[] = [],
): string {
  const text = `${routeLines(route)}system_account: SYS
accounts {
  SYS { users: [{ ${login(admin)}, allowed_connection_types: [STANDARD, WEBSOCKET] }] }
${accounts.map((account) => `  ${account}\n`).join("")}}
${rest}`;
  return `${text}server_tags: [${[...tags, quote(configTag(text))].join(", ")}]\n`;
}

/** The passwords of an include file, by user. */
export function passwordsIn(include: string): Readonly<Record<string, string>> {
  const text = '("(?:[^"\\\\]|\\\\.)*")';
  const logins = include.matchAll(new RegExp(`\\buser: ${text}, password: ${text}`, "g"));
  return Object.fromEntries(
    [...logins].map(([, user = "", password = ""]) => [JSON.parse(user), JSON.parse(password)]),
  );
}

/** A person's or program's login, not an edge's. */
const client = (who: Login): string => `{ ${login(who)}, allowed_connection_types: [STANDARD, WEBSOCKET] }`;

/**
 * The include file of the primary: edges log in to one account, each with permissions of its own, everybody else to APP, which
 * gets exactly what the listed edges may publish. Users, permissions, imports and exports are all hot to reload.
 * @param store how streams are reached; undefined without persistence
 */
export function primaryConf(
  logins: ServerLogins,
  leafs: readonly LeafUser[],
  store?: StoreAccess,
  extra: ExtraAccounts = {},
): string {
  const users = leafs.map((leaf) => ({ ...leaf, login: login(leaf) }));
  const accounts = primaryAccounts(users, client(logins.app), store && { ...store, login: client(store.keeper) });
  // by its tag a server is told from its peers: each stores what its own clients say
  return include(logins, [...accounts, ...extraAccounts(extra)], "", store ? ["$POD_NAME"] : []);
}

/** The include file of an edge: its own accounts, and the remote that links APP to the primary; then what its user adds. */
export function edgeConf(
  logins: ServerLogins,
  remote: Remote,
  stored: boolean,
  { names, watch }: Naming,
  more = NO_EXTRAS,
): string {
  const users = [client(logins.app), watchUser(login(watch), names)].join(", ");
  const account = `APP { ${stored ? "jetstream: enabled, " : ""}${mappings(names)}users: [${users}] }`;
  const accounts = [account, ...(more.listens ? [noLeafAccount()] : []), ...extraAccounts(more.accounts)];
  const primary = { ...remote, account: APP_ACCOUNT, refused: refusedFromHub(names.edge) };
  const remotes = [primary, ...more.remotes];
  return include(
    logins,
    accounts,
    `leafnodes {\n${more.listens ? LISTENER : ""}  remotes: [\n${remotes.map(remoteText).join("")}  ]\n}\n`,
  );
}

/** A listener for leafs of extra accounts; those without a login are refused. */
const LISTENER = `  port: $${LEAF_PORT_VARIABLE}
  no_advertise: true
  compression: off
  authorization { account: ${NO_LEAF_ACCOUNT} }
`;

const remoteText = (remote: ExtraRemote & { readonly refused?: readonly string[] }): string => `    {
      account: ${quote(remote.account)}
      no_randomize: true
      compression: off
      urls: [${remote.urls.map((url) => quote(withLogin(url, remote))).join(", ")}]
${remote.refused ? `      deny_imports: ${list(remote.refused)}\n` : ""}    }
`;

/** nats-leaf://host:port with the login in it, percent-encoded: a remote knows no other place for a password. */
function withLogin(url: string, { user, password }: Partial<Login>): string {
  if (user === undefined || password === undefined) return url;
  const [scheme, rest] = url.split("://");
  return `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${rest}`;
}
