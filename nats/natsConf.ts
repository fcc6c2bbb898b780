// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { EdgeLimits, ExtraAccounts, ExtraRemote } from "../config/settings.ts";
import {
  APP_ACCOUNT,
  extraAccounts,
  formerAccounts,
  leafVariables,
  NO_LEAF_ACCOUNT,
  noLeafAccount,
  primaryAccounts,
  refusedFromHub,
  type StoreAccess,
} from "./accounts.ts";
import { mappings, type Naming, watchUser } from "./clusterNames.ts";
import { configTag } from "./configTag.ts";
import type { Remote } from "./edgeLogin.ts";
import { filesLine, HANDSHAKE, inPod, LEAFS_CA } from "./files.ts";
import { ACCOUNTS } from "./readInclude.ts";
import { routeLines } from "./routes.ts";
import { list, quote } from "./text.ts";
import type { EdgeExtras, LeafUser, Login, ServerLogins } from "./users.ts";

const NO_EXTRAS: EdgeExtras = { accounts: {}, remotes: [], listens: false };

/** The variable in a server's environment with the port of an edge's leaf listener: another makes the pods anew, as it has to. */
export const LEAF_PORT_VARIABLE = "LEAF_PORT";

const login = ({ user, password }: Login): string => `user: ${quote(user)}, password: ${quote(password)}`;

/**
 * The include file of a server: the system account, the accounts of its role, what else the role needs. Its last line tags the server with
 * what it runs.
 * @param more variables that accounts use, what comes after the accounts, further tags, all as nats.conf has them
 */
export function include(
  { admin, route, files = {} }: ServerLogins,
  accounts: readonly string[],
  { variables = "", rest = "", tags = [] }: { variables?: string; rest?: string; tags?: readonly string[] },
): string {
  const text = `${filesLine(files)}${routeLines(route)}${variables}system_account: SYS
${ACCOUNTS}  SYS { users: [{ ${login(admin)}, allowed_connection_types: [STANDARD, WEBSOCKET] }] }
${accounts.map((account) => `  ${account}\n`).join("")}}
${rest}`;
  return `${text}server_tags: [${[...tags, quote(configTag(text))].join(", ")}]\n`;
}

/** A person's or program's login, not an edge's. */
const client = (who: Login): string => `{ ${login(who)}, allowed_connection_types: [STANDARD, WEBSOCKET] }`;

/**
 * The include file of the primary: each edge logs in to an account of its own, everybody else to APP, which gets exactly what the listed edges
 * may publish. Accounts, users, permissions, imports and exports are all hot to reload.
 * @param limits of each edge
 * @param former edges that were listed once
 * @param store how streams are reached; undefined without persistence
 */
export function primaryConf(
  logins: ServerLogins,
  leafs: readonly LeafUser[],
  limits: EdgeLimits,
  store?: StoreAccess,
  extra: ExtraAccounts = {},
  former: readonly string[] = [],
): string {
  const accounts = primaryAccounts(leafs, client(logins.app), store && { ...store, login: client(store.controller) });
  const variables = leafVariables(leafs, store !== undefined, limits);
  // by its tag a server is told from its peers: each stores what its own clients say
  return include(logins, [...accounts, ...formerAccounts(former), ...extraAccounts(extra)], {
    variables,
    tags: store ? ["$POD_NAME"] : [],
  });
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
  const remotes = [primaryRemote(remote, names.edge), ...more.remotes.map(extraRemote)];
  const rest = `leafnodes {\n${more.listens ? LISTENER : ""}  remotes: [\n${remotes.join("")}  ]\n}\n`;
  return include(logins, accounts, { rest });
}

/** A listener for leafs of extra accounts; those without a login are refused. */
const LISTENER = `  port: $${LEAF_PORT_VARIABLE}
  no_advertise: true
  compression: off
  authorization { account: ${NO_LEAF_ACCOUNT} }
`;

/** One link of an edge. */
const remoteText = (account: string, urls: readonly string[], more: readonly string[] = []): string =>
  [
    "    {",
    `      account: ${quote(account)}`,
    "      no_randomize: true",
    "      compression: off",
    `      urls: ${list(urls)}`,
    ...more,
    "    }\n",
  ].join("\n");

/** Without a CA of its own, the link trusts those of its image. */
const trusting = (ca: string): readonly string[] => [
  "      tls {",
  ...(ca === "" ? [] : [`        ca_file: ${quote(inPod(LEAFS_CA))}`]),
  `        timeout: ${HANDSHAKE}`,
  "      }",
];

const primaryRemote = ({ urls, seed, ca }: Remote, edge: string): string =>
  remoteText(APP_ACCOUNT, urls, [
    `      nkey: ${seed}`,
    `      deny_imports: ${list(refusedFromHub(edge))}`,
    ...(urls.some((url) => url.startsWith("tls:")) ? trusting(ca) : []),
  ]);

const extraRemote = (remote: ExtraRemote): string =>
  remoteText(
    remote.account,
    remote.urls.map((url) => withLogin(url, remote)),
  );

/** nats-leaf://host:port with the login in it, percent-encoded: a remote knows no other place for a password. */
function withLogin(url: string, { user, password }: Partial<Login>): string {
  if (user === undefined || password === undefined) return url;
  const [scheme, rest] = url.split("://");
  return `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${rest}`;
}

/** Where servers listen for leafs. */
export const LEAF_TARGET_PORT = 7422;
