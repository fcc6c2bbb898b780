// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { isIP } from "node:net";
import { z } from "zod";
import { certificateOf, certificateTexts } from "../lib/pem.ts";
import { LEAF_PORT, RELEASE_NAME } from "./defaults.ts";
import { WHEN_FULL } from "./settings.ts";
import { bytes, cores, seconds } from "./units.ts";

/** Longest edge name, in characters: server names, Secret keys and NATS subjects carry it. */
export const EDGE_NAME_LENGTH = 40;

const RFC1123_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const NODE_PORT = "a NodePort between 30000 and 32767";

/** Every message reads after "expected"; the reader of the configuration adds key, what came and a command. */
const text = (expected: string) => z.string(expected).min(1, expected);

const strict = <T extends z.ZodRawShape>(shape: T, expected = "a map") => z.strictObject(shape, expected);

const label = (what: string) => text(what).max(63, what).regex(RFC1123_LABEL, what);

/** The name of an edge: RFC 1123 label, 1 to 40 characters, not `primary`; also its stack and its token in subjects. */
export const edgeName = label("an RFC 1123 label (a-z, 0-9 and -, beginning and ending with a letter or digit)")
  .max(EDGE_NAME_LENGTH, `at most ${EDGE_NAME_LENGTH} characters`)
  .refine((name) => name !== "primary", "another name: primary is the primary cluster's own");

/** Longest subject, in characters: servers put more before it and bound a line of their protocol. */
export const SUBJECT_LENGTH = 255;

// servers keep what begins with $ or _ for themselves, and give {{ }} a meaning of their own; what cannot be seen is a mistake
const subjectText =
  "a NATS subject (tokens between dots, * for one token, > for the rest) of at most 255 printable characters, " +
  "no token beginning with $, the first a word that does not begin with _, without { and }";

const subject = text(subjectText)
  .max(SUBJECT_LENGTH, subjectText)
  .regex(
    /^(?!_)(?!\*)(?!.*\.\.)(?![.])(?!.*\.$)(?:(?!\$)[^\p{C}\p{Z}\s.*>"{}]+|\*)(?:\.(?:(?!\$)[^\p{C}\p{Z}\s.*>"{}]+|\*))*(?:\.>)?$/u,
    subjectText,
  );

const hostText = "an IP address or a DNS name, without scheme and port";

const host = text(hostText).refine((name) => (isIP(name) !== 0 && !name.includes("%")) || isDnsName(name), hostText);

function isDnsName(name: string): boolean {
  const labels = name.toLowerCase().split(".");
  const looksLikeAddress = /^[0-9.]+$/.test(name);
  return !looksLikeAddress && name.length <= 253 && labels.every((l) => l.length <= 63 && RFC1123_LABEL.test(l));
}

const nodePort = z.number(NODE_PORT).int(NODE_PORT).min(30000, NODE_PORT).max(32767, NODE_PORT);

/**
 * The smallest claims. What servers need beside streams does not shrink with these: up to 140 MB were measured at a primary's while
 * edges brought their backlogs, 9 MB at an edge's.
 */
export const SMALLEST = { primary: "1G", edge: "500M" } as const;

const quantity = (smallest: string) => {
  const what = `a whole number with a unit, such as 10Gi, of at least ${smallest}`;
  return text(what)
    .regex(/^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)$/, what)
    .refine((size) => bytes(size) >= bytes(smallest), what);
};

const cpuText = "an amount of CPU, such as 500m or 2";

const cpu = z
  .union([z.number(), z.string()], cpuText)
  .transform(String)
  .refine((amount) => /^(?:[0-9]+m|[0-9]+(?:\.[0-9]{1,3})?)$/.test(amount) && cores(amount) > 0, cpuText);

/** Of a server: below this it has no room for some edges and for what waits until it is stored. */
const LEAST_MEMORY = "256Mi";

const MOST_MEMORY = "64Ti";

const memory = (least: string) =>
  quantity(least).refine((size) => bytes(size) <= bytes(MOST_MEMORY), `an amount of memory of at most ${MOST_MEMORY}`);

const amounts = (least: string) => strict({ cpu: cpu.optional(), memory: memory(least).optional() }, "{cpu, memory}");

const within = (of: (amount: string) => number, least?: string, most?: string) =>
  least === undefined || most === undefined || of(least) <= of(most);

const resources = strict(
  { requests: amounts("1Mi").default({}), limits: amounts(LEAST_MEMORY).default({}) },
  "{requests, limits}",
)
  .refine(({ requests, limits }) => within(cores, requests.cpu, limits.cpu), "no requests.cpu above limits.cpu")
  .refine(
    ({ requests, limits }) => within(bytes, requests.memory, limits.memory),
    "no requests.memory above limits.memory",
  )
  .default({ requests: {}, limits: {} });

const LONGEST_DAYS = 36_500; // NATS counts nanoseconds in 63 bits, which are 292 years

const durationText = `a whole number of days, hours or minutes, such as 7d, 12h or 90m, of at most ${LONGEST_DAYS}d`;

const duration = text(durationText)
  .regex(/^[1-9][0-9]*[dhm]$/, durationText)
  .refine((time) => seconds(time) <= seconds(`${LONGEST_DAYS}d`), durationText);

const storageClass = text("the name of a storage class");

const secretName = text("the name of a Secret").refine(isDnsName, "the name of a Secret");

const image = strict({
  repository: text("an image repository").optional(),
  tag: text("an image tag, in quotes").optional(),
});

const chartText = "either {repository, name, version}, {path} or {oci, version}";

const chart = z
  .strictObject(
    {
      repository: text("the URL of a chart repository").optional(),
      name: text("a chart's name").optional(),
      version: text("a chart version, in quotes").optional(),
      path: text("the path of a chart folder or .tgz").optional(),
      oci: text("an oci:// URL").startsWith("oci://", "an oci:// URL").optional(),
    },
    chartText,
  )
  .refine((c) => [c.repository ?? c.name, c.path, c.oci].filter((x) => x !== undefined).length <= 1, chartText)
  .refine((c) => c.path === undefined || c.version === undefined, `${chartText}: a path has its version inside`);

const replicas = z
  .number("1 or more servers, at most 9")
  .int("a whole number")
  .min(1, "at least 1")
  .max(9, "at most 9");

/** Longest release name, in characters: the names of pods, claims and Helm's own records carry it. */
export const RELEASE_NAME_LENGTH = 30;

const releaseText = `a Helm release name (RFC 1123 label beginning with a letter) of at most ${RELEASE_NAME_LENGTH} characters`;

const userText = "a user's name: 1 to 64 printable characters of ASCII, no space";

const user = text(userText).regex(/^[!-~]{1,64}$/, userText);

const passwordText = "a password: 1 to 256 printable characters of ASCII";

const password = text(passwordText).regex(/^[ -~]{1,256}$/, passwordText);

const login = strict({ user, password }, "{user, password}");

const urlText = "nats-leaf://host:port, or tls://host:port, without a login";

const remoteUrl = text(urlText).refine((url) => {
  const [, bracketed, name = "", port] =
    /^(?:nats-leaf|nats|tls):\/\/(?:\[([^\]]*)\]|([^:/@[\]]*)):(\d{1,5})$/.exec(url) ?? [];
  const known =
    bracketed === undefined ? isIP(name) === 4 || isDnsName(name) : isIP(bracketed) === 6 && !bracketed.includes("%");
  return known && Number(port) >= 1 && Number(port) <= 65_535;
}, urlText);

const extraRemote = strict(
  {
    account: text("APP, or one of extraAccounts").default("APP"),
    urls: z.array(remoteUrl, "a list of URLs").min(1, "at least one URL"),
    user: user.optional(),
    password: password.optional(),
  },
  "{account, urls, user, password}",
).refine((remote) => (remote.user === undefined) === (remote.password === undefined), "user and password, or neither");

/** Seconds. Less than half a minute no healthy pod is sure to make; more than two hours nobody waits. */
const TIMEOUT = { least: 30, most: 7200, usual: 600 };

const timeoutText = `a whole number of seconds between ${TIMEOUT.least} and ${TIMEOUT.most}`;

const timeoutSeconds = z
  .number(timeoutText)
  .int(timeoutText)
  .min(TIMEOUT.least, timeoutText)
  .max(TIMEOUT.most, timeoutText)
  .default(TIMEOUT.usual);

const common = {
  role: z.enum(["primary", "edge"], "primary or edge").optional(),
  namespace: label("the name of a namespace (RFC 1123 label)").default("ops-system"),
  release: text(releaseText)
    .max(RELEASE_NAME_LENGTH, releaseText)
    .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, releaseText)
    .default(RELEASE_NAME),
  inCluster: z.boolean("true or false").default(false),
  adopt: text("the id of a stack whose state was lost, as the refusal shows it")
    .regex(/^[a-z0-9]{16}$/, "the id of a stack whose state was lost: 16 letters and digits")
    .optional(),
  chart: chart.default({}),
  images: strict({
    registry: text("a registry host").optional(),
    pullSecrets: z.array(secretName, "a list of Secret names").optional(),
    nats: image.optional(),
    natsBox: image.optional(),
    reloader: image.optional(),
    controller: image.optional(),
  }).default({}),
  timeoutSeconds,
  resources,
  values: z.record(z.string(), z.unknown(), "a map of chart values").default({}),
  extraAccounts: z
    .record(
      z.string(),
      strict({ users: z.array(login, "a list of users").min(1, "at least one user") }),
      "a map of accounts",
    )
    .default({}),
};

const edgeEntry = strict(
  {
    name: edgeName,
    publish: z.array(subject, "a list of subjects").default([]),
    receive: z.array(subject, "a list of subjects").default([]),
    persistence: z.boolean("true or false").default(true),
  },
  "a name, or {name, publish, receive, persistence}",
);

const PERSISTENCE = { enabled: false, size: "10Gi", maxAge: "7d", whenFull: WHEN_FULL[0] };

const pemText = "certificates in PEM: -----BEGIN CERTIFICATE----- …";

const isBundle = (all: string): boolean => {
  const texts = certificateTexts(all);
  return texts.length > 0 && texts.every((one) => certificateOf(one) !== undefined);
};

const pem = text(pemText)
  .refine(isBundle, pemText)
  .transform((all) => `${certificateTexts(all).join("\n")}\n`);

const issuerText = "an issuer of cert-manager: {name, kind: Issuer or ClusterIssuer, group}";

const onlyOne = "either secretName or issuerRef, or neither";

const tls = strict(
  {
    enabled: z.boolean("true or false").default(true),
    secretName: secretName.optional(),
    issuerRef: strict(
      {
        name: text(issuerText),
        kind: text(issuerText).default("Issuer"),
        group: text(issuerText).default("cert-manager.io"),
      },
      issuerText,
    ).optional(),
    ca: pem.optional(),
  },
  "{enabled, secretName, issuerRef, ca}",
).refine((of) => of.secretName === undefined || of.issuerRef === undefined, onlyOne);

const MOST = { links: 1_000, subscriptions: 1_000_000, payload: 67_108_864, underWay: 20_000 };

const counted = (what: string, least: number, most: number) => {
  const range = `${what}: a whole number from ${least} to ${most}`;
  return z.number(range).int(range).min(least, range).max(most, range);
};

/**
 * What one edge may take where nothing else is said: twice as many links as an edge has servers at most. A subscription takes about a kB at each server, and more the longer
 * its subject is.
 */
export const EDGE_LIMITS = { links: 20, subscriptions: 1_000, underWay: 100 };

const edgeLimits = strict({
  links: counted("links of one edge", 1, MOST.links).default(EDGE_LIMITS.links),
  subscriptions: counted("subscriptions of one link", 1, MOST.subscriptions).default(EDGE_LIMITS.subscriptions),
  payload: counted("bytes of one event", 1_024, MOST.payload).optional(),
  underWay: counted("events of one edge under way at a time", 20, MOST.underWay).default(EDGE_LIMITS.underWay),
});

/** What Pulumi.primary.yaml may hold below `ops-nats:`. */
export const primarySchema = z.strictObject({
  ...common,
  replicas: replicas.default(3),
  hosts: z.array(host, "a list of addresses or names").min(1, "at least one address or name"),
  leafPort: nodePort.default(LEAF_PORT),
  clientPort: z.union([z.literal(0), nodePort], `${NODE_PORT}, or 0 for none`).default(0),
  tls: tls.default({ enabled: true }),
  edgeLimits: edgeLimits.default(EDGE_LIMITS),
  edges: z
    .array(
      z.preprocess((entry) => (typeof entry === "string" ? { name: entry } : entry), edgeEntry),
      "a list of edges",
    )
    .default([]),
  persistence: strict({
    enabled: z.boolean("true or false").default(false),
    size: quantity(SMALLEST.primary).default(PERSISTENCE.size),
    storageClass: storageClass.optional(),
    maxAge: duration.default(PERSISTENCE.maxAge),
    whenFull: z.enum(WHEN_FULL, WHEN_FULL.join(" or ")).default(PERSISTENCE.whenFull),
  }).default(PERSISTENCE),
});

const clusterNameText =
  "a name as Ops writes it into subjects (a-z, 0-9, - and _, dots between), of at most 63 characters";

const clusterName = text(clusterNameText)
  .max(63, clusterNameText)
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, clusterNameText);

/** What an edge's stack file and Pulumi.edge.yaml together may hold below `ops-nats:`. */
export const edgeSchema = z.strictObject({
  ...common,
  edge: edgeName.optional(),
  replicas: replicas.default(1),
  primaryStack: text("the name of a stack: organization/project/stack").optional(),
  acceptClusterNames: z.array(clusterName, "a list of names").default([]),
  leafPort: nodePort.optional(),
  extraRemotes: z.array(extraRemote, "a list of leaf remotes").default([]),
  persistence: strict({ size: quantity(SMALLEST.edge).default("2Gi"), storageClass: storageClass.optional() }).default({
    size: "2Gi",
  }),
});
