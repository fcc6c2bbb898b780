// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { withoutCovered } from "./subjects.ts";

/** A login; `password` is in clear text here, so what is made of it belongs into a Secret. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** The two logins that every cluster has: `admin` (system account) and `app` (Ops, event hooks, people). */
export interface ServerLogins {
  readonly admin: Login;
  readonly app: Login;
}

/** An edge that may connect, as the primary's server has to know it. */
export interface LeafUser extends Login {
  /** Subjects that it may publish at the primary. */
  readonly publish: readonly string[];
  /** Subjects of the primary that it may receive. */
  readonly receive: readonly string[];
}

/** A leaf link as the edge's server has to know it. Hosts and ports only: the login goes into each URL. */
export interface Remote extends Login {
  readonly urls: readonly string[];
}

/** The events of one cluster, and the notifications, whose subjects carry no cluster by Ops' own design. */
export const eventSubjects = (cluster: string): readonly string[] => [
  `ops.clusters.${cluster}.>`,
  "ops.notifications.>",
];

/** An account into which no leaf fits: leafs without credentials are bound to it and refused (2.10 would take them). */
export const NO_LEAF_ACCOUNT = "NOLEAF";

/** JSON text is a string of nats.conf too, as long as it is quoted: a leading digit stays text. */
const quote = (text: string): string => JSON.stringify(text);
const list = (subjects: readonly string[]): string => `[${subjects.map(quote).join(", ")}]`;

const login = ({ user, password }: Login): string => `user: ${quote(user)}, password: ${quote(password)}`;

const systemAccount = (admin: Login): string => `system_account: SYS
accounts {
  SYS { users: [{ ${login(admin)}, allowed_connection_types: [STANDARD, WEBSOCKET] }] }`;

/** An allow list that names nothing: a deny list of everything breaks wildcard subscribers on 2.14 (facts: nats.md 21). */
const NOTHING = "_none_";

function leafUser(leaf: LeafUser): string {
  const receive = leaf.receive.length > 0 ? leaf.receive : [NOTHING];
  return `      { ${login(leaf)}, allowed_connection_types: [LEAFNODE],
        permissions: { publish: { allow: ${list(leaf.publish)} }, subscribe: { allow: ${list(receive)} } } }`;
}

/**
 * The include file of the primary: edges log in to EVENTS, everybody else to APP, which imports exactly what the
 * listed edges may publish. Users, permissions, imports and exports are all hot to reload.
 * @param jetStream whether APP may keep streams
 */
export function primaryConf(logins: ServerLogins, leafs: readonly LeafUser[], jetStream: boolean): string {
  const up = withoutCovered(leafs.flatMap((leaf) => leaf.publish));
  const down = withoutCovered(leafs.flatMap((leaf) => leaf.receive));
  const exported = (subjects: readonly string[]) => subjects.map((s) => `      { stream: ${quote(s)} }`).join("\n");
  const imported = (account: string, subjects: readonly string[]) =>
    subjects.map((s) => `      { stream: { account: ${account}, subject: ${quote(s)} } }`).join("\n");
  return `${systemAccount(logins.admin)}
  EVENTS {
    users: [
${leafs.map(leafUser).join("\n")}
    ]
    exports: [
${exported(up)}
    ]
    imports: [
${imported("APP", down)}
    ]
  }
  APP {
    ${jetStream ? "jetstream: enabled\n    " : ""}users: [{ ${login(logins.app)}, allowed_connection_types: [STANDARD, WEBSOCKET] }]
    exports: [
${exported(down)}
    ]
    imports: [
${imported("EVENTS", up)}
    ]
  }
  ${NO_LEAF_ACCOUNT} { limits { max_leafnodes: 0 } }
}
`;
}

/** The include file of an edge: its own accounts, and the one remote that links APP to the primary. */
export function edgeConf(logins: ServerLogins, remote: Remote): string {
  return `${systemAccount(logins.admin)}
  APP { users: [{ ${login(logins.app)}, allowed_connection_types: [STANDARD, WEBSOCKET] }] }
}
leafnodes {
  remotes: [
    {
      account: APP
      no_randomize: true
      compression: off
      urls: ${list(remote.urls.map((url) => withLogin(url, remote)))}
    }
  ]
}
`;
}

/** nats-leaf://host:port with the login in it, percent-encoded: a remote knows no other place for a password. */
function withLogin(url: string, { user, password }: Login): string {
  const [scheme, rest] = url.split("://");
  return `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${rest}`;
}
