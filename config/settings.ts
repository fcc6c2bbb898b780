// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Where an Image comes from; `repository` is without the registry. */
export interface Image {
  readonly repository: string;
  readonly tag: string;
}

/** The images of the chart's three containers and of the controller, and where they are pulled from. */
export interface Images {
  readonly registry: string | undefined;
  readonly pullSecrets: readonly string[];
  readonly nats: Image;
  readonly natsBox: Image;
  readonly reloader: Image;
  readonly controller: Image;
}

/** One edge as the primary knows it. Subjects are NATS subjects; `publish` is edge to primary, `receive` the other way. */
export interface Edge {
  readonly name: string;
  readonly publish: readonly string[];
  readonly receive: readonly string[];
  /** Whether it keeps its events until the primary has them; only with the primary's own persistence. */
  readonly persistence: boolean;
}

/** Where the chart is found: a name in a repository, an OCI URL, or a path (then without version). */
export interface Chart {
  readonly chart: string;
  readonly repository: string | undefined;
  readonly version: string | undefined;
}

/** Accounts beside the program's own, by name. Passwords are in clear text here, so what is made of it is a secret. */
export type ExtraAccounts = Readonly<
  Record<string, { readonly users: readonly { readonly user: string; readonly password: string }[] }>
>;

/** A link of an edge to another hub than the primary. */
export interface ExtraRemote {
  /** The edge's account that it links: `APP`, or one of {@link ExtraAccounts}. */
  readonly account: string;
  readonly urls: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** What a container asks of its node, as Kubernetes takes it; cpu in cores or `m`, memory with a unit. */
interface Amounts {
  readonly cpu?: string;
  readonly memory?: string;
}

/** What each server asks of its node, and the most that it may take. */
export interface Resources {
  readonly requests: Amounts & { readonly memory: string };
  readonly limits: Amounts & { readonly memory: string };
}

interface CommonSettings {
  readonly namespace: string;
  /** Name of the Helm release, by which the chart calls its objects. */
  readonly release: string;
  /** Whether the program runs in a pod of the cluster itself and uses its service account. */
  readonly inCluster: boolean;
  /** The id of a lost state, whose servers and passwords this stack takes over; see docs/operations/lost-state.md. */
  readonly adopt?: string | undefined;
  readonly chart: Chart;
  readonly images: Images;
  readonly replicas: number;
  /** How long `up` waits for pods to be ready. */
  readonly timeoutSeconds: number;
  readonly resources: Resources;
  readonly values: Readonly<Record<string, unknown>>;
  readonly extraAccounts: ExtraAccounts;
}

/** What the primary's servers show to edges, and by which those know them. */
export interface LeafTls {
  /** False: edges come in plain text. */
  readonly enabled: boolean;
  /** A Secret of type kubernetes.io/tls that somebody else keeps. */
  readonly secretName?: string | undefined;
  /** Of cert-manager, which then makes the Secret. */
  readonly issuerRef?: { readonly name: string; readonly kind: string; readonly group: string } | undefined;
  /**
   * CAs by which edges know a certificate of somebody else's, in PEM, beside the program's own; without them by `ca.crt` of its Secret, or else by what
   * their images trust. Edges can be told of them before the certificate is shown.
   */
  readonly ca?: string | undefined;
}

/** What one edge may take of the primary, whatever it does. */
export interface EdgeLimits {
  /** Links at a time, over all servers: one for each of the edge's own, and those that have not been noticed to be dead. */
  readonly links: number;
  /** Subscriptions of one link. */
  readonly subscriptions: number;
  /** Bytes of one event; undefined: the server's own limit, 1 MiB. Who stores a larger one is cut off until it has gone. */
  readonly payload?: number | undefined;
  /**
   * Events that the primary has from the edge's stream and has not stored yet: what the edge has beyond that waits there, not before what others say. Over a
   * link of 100 ms there and back, 100 are 1,000 events a second at most.
   */
  readonly underWay: number;
}

/** The claim of each server's JetStream volume. */
export interface Claim {
  /** A Kubernetes quantity, at least {@link SMALLEST}. */
  readonly size: string;
  readonly storageClass: string | undefined;
}

/** How long and how much streams keep. */
export interface Retention {
  /** Seconds. */
  readonly maxAge: number;
  readonly whenFull: (typeof WHEN_FULL)[number];
}

export interface PrimarySettings extends CommonSettings {
  readonly role: "primary";
  readonly hosts: readonly [string, ...string[]];
  readonly leafPort: number;
  readonly clientPort: number;
  readonly tls: LeafTls;
  readonly edgeLimits: EdgeLimits;
  readonly edges: readonly Edge[];
  /** Undefined without persistence: plain core NATS. */
  readonly persistence: (Claim & Retention) | undefined;
}

export interface EdgeSettings extends CommonSettings {
  readonly role: "edge";
  readonly edge: string;
  readonly primaryStack: string;
  /** Names that Ops uses at this edge: events of theirs are filed under the edge's own. */
  readonly acceptClusterNames: readonly string[];
  /** For when the primary has it store; whether it does is the primary's to say. */
  readonly persistence: Claim;
  /** NodePort of a leaf listener of its own, for users of extra accounts; undefined without one. */
  readonly leafPort: number | undefined;
  readonly extraRemotes: readonly ExtraRemote[];
}

export type Settings = PrimarySettings | EdgeSettings;

/** What happens to events when a stream has reached its size: the oldest give way, or new ones are refused. */
export const WHEN_FULL = ["keep-newest", "keep-oldest"] as const;
