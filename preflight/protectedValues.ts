// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { OWNER, OWNER_EDGE, OWNER_ID, OWNER_RELEASE } from "../nats/names.ts";

/** Steps of a path: of the chart's values, or of what the chart renders, whose first step is then one of {@link RENDERED}. */
export type Path = readonly string[];

/** Where `merge` and `patch` below these values go: the rendered configuration or object, and the place in it. */
export const RENDERED: Readonly<Record<string, Path>> = {
  config: ["nats.conf"],
  "config cluster": ["nats.conf", "cluster"],
  "config leafnodes": ["nats.conf", "leafnodes"],
  "config jetstream": ["nats.conf", "jetstream"],
  "config websocket": ["nats.conf", "websocket"],
  "config mqtt": ["nats.conf", "mqtt"],
  "config gateway": ["nats.conf", "gateway"],
  "config resolver": ["nats.conf", "resolver"],
  "config jetstream fileStore pvc": ["claim"],
  container: ["nats container"],
  reloader: ["reloader container"],
  podTemplate: ["pod"],
  statefulSet: ["StatefulSet"],
  service: ["Service"],
  headlessService: ["headless Service"],
  configMap: ["ConfigMap"],
};

/** Other names that nats-server has for the same option, in lower case. */
export const ALIASES: Readonly<Record<string, string>> = {
  ...{ leaf: "leafnodes", ws: "websocket", system: "system_account", net: "host", storedir: "store_dir" },
  ...{ monitor_port: "http_port", pidfile: "pid_file", logfile: "log_file", max_file: "max_file_store" },
  ...{ account_resolver: "resolver", accounts_resolver: "resolver", trusted: "trusted_keys" },
  ...{
    operators: "operator",
    root: "operator",
    roots: "operator",
    root_operator: "operator",
    root_operators: "operator",
  },
  ...{ no_system: "no_system_account", no_sys_acc: "no_system_account" },
};

/** What of the chart's values is this program's. */
export interface Protected {
  /** `*` is any one step. */
  readonly path: Path;
  /** Reads after "because". */
  readonly why: string;
  /** The setting to use, where there is one. */
  readonly use?: string;
  /** Where only one role relies on it. */
  readonly role?: "primary" | "edge";
  /** A patch may put more behind the end of this list. */
  readonly append?: boolean;
  /** Values that may be there all the same. */
  readonly allow?: (value: unknown) => boolean;
}

const NAMES = "the outputs, the controller and the edges find objects by their names";
const SELECTED = "Services and claims find the pods by it";
const ACCOUNTS = "accounts, users and their permissions are made by this program";
const CONTAINERS = "it replaces the containers or their mounts";
const MEMORY = "the server is told how much memory it has";
const MONITOR = "probes and the controller ask the servers there";
const PORT = "clients, edges and the controller connect there";
const LINK = "the link to the primary stands there";
const SHOWN = "edges know the servers by the certificates there";
const VERSION = "the program decides by the server's tag what it can ask of it";
const IMAGES = "images are set in one place";
const none = (value: unknown): boolean => value === null || value === "";
const yes = (value: unknown): boolean => value === true || value === null;

/** Several paths, one a word list each, with one reason. */
const all = (why: string, paths: readonly string[], more: Partial<Protected> = {}): readonly Protected[] =>
  paths.map((path) => ({ path: path.split(" "), why, ...more }));
const conf = (why: string, keys: readonly string[], more: Partial<Protected> = {}): readonly Protected[] =>
  keys.map((key) => ({ path: ["nats.conf", ...key.split(" ")], why, ...more }));
const inside = (object: string, why: string, paths: readonly string[], more: Partial<Protected> = {}) =>
  paths.map((path): Protected => ({ path: [object, ...path.split(" ")], why, ...more }));

/** What a comparison with what the program sets cannot find: what would replace, hide or rename it. The first that fits is told. */
export const PROTECTED: readonly Protected[] = [
  ...all(NAMES, ["fullnameOverride", "nameOverride"], { allow: none }),
  ...all(NAMES, ["service name", "headlessService name", "statefulSet name", "configMap name"], { allow: none }),
  ...all(NAMES, ["config jetstream fileStore pvc name"], { allow: none }),
  ...all("everything is looked for in one namespace", ["namespaceOverride"], { use: "namespace", allow: none }),
  ...all("it decides where images come from", ["global image registry"], { use: "images.registry" }),
  ...all("it decides how images are pulled", ["global image pullSecretNames"], { use: "images.pullSecrets" }),
  ...["name", "instance", "component"].map((label) => ({
    path: ["global", "labels", `app.kubernetes.io/${label}`],
    why: SELECTED,
  })),

  ...["registry", "repository", "tag", "digest", "fullImageName"].flatMap((part) => {
    const of = (image: string) => (part === "registry" ? "images.registry" : `images.${image}`);
    return [
      ...all(VERSION, [`container image ${part}`], { use: of("nats") }),
      ...all(IMAGES, [`reloader image ${part}`], { use: of("reloader") }),
      ...all(IMAGES, [`natsBox container image ${part}`], { use: of("natsBox") }),
    ];
  }),
  ...inside("nats container", VERSION, ["image"], { use: "images.nats" }),
  ...inside("reloader container", IMAGES, ["image"], { use: "images.reloader" }),
  ...["requests", "limits"].flatMap((key) =>
    inside("nats container", MEMORY, [`resources ${key} cpu`, `resources ${key} memory`], { use: "resources" }),
  ),
  ...all(MEMORY, ["container env GOMEMLIMIT"], { use: "resources.limits.memory" }),
  ...inside("nats container", CONTAINERS, ["env"], { use: "values.container.env" }),
  ...inside("nats container", CONTAINERS, ["volumeMounts"], {
    use: "values.container.patch with path /volumeMounts/-",
    append: true,
  }),
  ...inside("nats container", CONTAINERS, ["name", "command", "args", "ports", "lifecycle", "envFrom"]),
  ...inside("reloader container", "it reloads the accounts", ["name", "command", "args", "volumeMounts"]),
  ...all("it reloads the accounts", ["reloader enabled"], { allow: yes }),
  ...all("the reloader watches the accounts below /etc/", ["reloader natsVolumeMountPrefixes"]),
  ...all("the servers' names come from it", ["container env POD_NAME", "container env SERVER_NAME"]),
  ...all(PORT, ["container ports * containerPort", "container ports * name", "container ports * protocol"]),

  ...all("changed settings would never reach a running server", ["podTemplate configChecksumAnnotation"], {
    allow: (value) => value === true,
  }),
  { path: ["pod", "metadata", "annotations", "checksum/config"], why: "a changed configuration rolls the pods by it" },
  {
    path: ["pod", "metadata", "annotations", "ops-nats/restart-key"],
    why: "a changed configuration rolls the pods by it",
  },
  ...["pod", "StatefulSet"].flatMap((object) =>
    ["name", "instance", "component"].map((label) => ({
      path: [object, "metadata", "labels", `app.kubernetes.io/${label}`],
      why: SELECTED,
    })),
  ),
  ...inside("pod", CONTAINERS, ["spec volumes"], {
    use: "values.podTemplate.patch with path /spec/volumes/-",
    append: true,
  }),
  ...inside("pod", CONTAINERS, ["spec containers"], {
    use: "values.podTemplate.patch with path /spec/containers/-",
    append: true,
  }),
  ...inside("pod", "the reloader signals the server through it", ["spec shareProcessNamespace"], {
    allow: (value) => value === true,
  }),
  ...inside("pod", "it decides how images are pulled", ["spec imagePullSecrets"], { use: "images.pullSecrets" }),
  ...inside("pod", "the servers find each other by it", ["spec hostname", "spec subdomain"]),
  ...inside(
    "pod",
    "a server takes 40 s to send its clients away, and a new one waits for at most 180",
    ["spec terminationGracePeriodSeconds"],
    {
      allow: (value) => typeof value === "number" && value >= 45 && value <= 150,
    },
  ),

  ...inside("StatefulSet", "it decides how many servers there are", ["spec replicas"], { use: "replicas" }),
  ...inside("StatefulSet", "the servers are known by the numbers of their pods, from 0", ["spec ordinals"]),
  ...inside("StatefulSet", SELECTED, ["spec selector", "spec serviceName", "metadata name", "metadata namespace"]),
  ...[OWNER, OWNER_ID, OWNER_EDGE, OWNER_RELEASE].map((mark) => ({
    path: ["StatefulSet", "metadata", "annotations", mark],
    why: "it tells whose the servers are",
  })),
  ...inside("StatefulSet", "with it a changed configuration does not reach the pods", ["spec updateStrategy"]),
  ...inside("StatefulSet", "stored events outlive the servers", ["spec persistentVolumeClaimRetentionPolicy"]),
  ...inside("StatefulSet", "claims are compared before they change", ["spec volumeClaimTemplates"], {
    use: "persistence",
  }),
  ...inside("claim", "claims are compared before they change", ["spec resources", "spec storageClassName"], {
    use: "persistence.size and persistence.storageClass",
  }),
  ...inside("claim", NAMES, ["metadata name", "metadata namespace"]),

  ...all(PORT, ["service enabled"], { allow: yes }),
  ...all(PORT, ["service ports nats enabled"], { allow: yes }),
  ...all(PORT, ["service ports nats port", "service ports nats name", "service ports nats targetPort"]),
  ...all(PORT, ["service ports nats nodePort"], { role: "primary", use: "clientPort" }),
  ...all(PORT, ["service ports leafnodes"], { role: "primary", use: "leafPort" }),
  ...inside("Service", "it opens the client port at the nodes", ["spec type"], {
    role: "primary",
    use: "clientPort",
    allow: (value) => value === "NodePort" || value === "LoadBalancer",
  }),
  ...inside("Service", PORT, ["spec selector", "spec externalName", "metadata name", "metadata namespace"]),
  ...inside("Service", PORT, ["spec ports"], { use: "values.service.patch with path /spec/ports/-", append: true }),
  ...inside("headless Service", "the servers find each other by it", [
    ...["spec selector", "spec ports", "spec clusterIP", "spec publishNotReadyAddresses", "spec type"],
    ...["metadata name", "metadata namespace"],
  ]),
  ...inside(
    "ConfigMap",
    "it is the servers' configuration",
    ["data", "binaryData", "immutable", "metadata name", "metadata namespace"],
    {
      use: "values.config.merge",
    },
  ),

  ...all(LINK, ["config leafnodes", "config merge leafnodes"], { role: "edge", use: "extraRemotes or leafPort" }),
  ...conf(LINK, ["leafnodes"], { role: "edge", use: "extraRemotes or leafPort" }),
  ...all("edges connect there", ["config leafnodes port"], { role: "primary", use: "leafPort" }),
  ...all(SHOWN, ["config leafnodes tls"], { role: "primary", use: "tls" }),
  ...conf(SHOWN, ["leafnodes tls", "leafnodes handshake_first"], { role: "primary", use: "tls" }),
  ...conf("edges connect there", ["leafnodes advertise"], { role: "primary", use: "hosts and leafPort" }),
  ...conf("edges connect there", ["leafnodes port", "leafnodes listen", "leafnodes host"], {
    role: "primary",
    use: "leafPort",
  }),
  ...conf(ACCOUNTS, ["leafnodes authorization"], { role: "primary", use: "edges or extraAccounts" }),
  ...all("another place has the same settings", ["config merge cluster"], { use: "values.config.cluster.merge" }),
  ...all("another place has the same settings", ["config merge jetstream"], { use: "values.config.jetstream.merge" }),

  ...all("the server's names and edges depend on it", ["config serverNamePrefix"]),
  ...all("it decides how many servers there are", ["config cluster enabled", "config cluster replicas"], {
    use: "replicas",
  }),
  ...all("servers find each other by it", ["config cluster port"]),
  ...all("servers log in to each other with a password that this program makes", ["config cluster routeURLs"]),
  ...all("servers know each other by certificates that this program makes", ["config cluster tls"]),
  ...all(PORT, ["config nats port"]),
  ...all("Ops, nats-box and the controller connect without it", ["config nats tls"]),
  ...all(MONITOR, ["config monitor enabled"], { allow: yes }),
  ...all(MONITOR, ["config monitor port", "config monitor tls"]),
  ...all("accounts of the same names in other clusters would be joined to these", ["config gateway"]),
  ...all(ACCOUNTS, ["config resolver"], { use: "extraAccounts" }),
  ...all("which cluster stores is the primary's to say", ["config jetstream enabled"], { use: "persistence" }),
  ...all("stored events must be on a claim", ["config jetstream fileStore enabled", "config jetstream fileStore dir"]),
  ...all("claims are compared before they change", ["config jetstream fileStore pvc size"], {
    use: "persistence.size",
  }),
  ...all("claims are compared before they change", ["config jetstream fileStore pvc storageClassName"], {
    use: "persistence.storageClass",
  }),
  ...all("stored events must be on a claim", ["config jetstream fileStore pvc enabled"], { use: "persistence" }),

  ...conf(ACCOUNTS, ["accounts"], { use: "extraAccounts" }),
  ...conf(ACCOUNTS, [
    ...["system_account", "no_system_account", "authorization", "no_auth_user", "default_sentinel"],
    ...["operator", "resolver", "resolver_preload", "resolver_tls", "resolver_pinned_accounts", "trusted_keys"],
    ...["websocket no_auth_user", "websocket authorization", "mqtt no_auth_user", "mqtt authorization"],
  ]),
  ...conf(PORT, ["listen", "host", "port", "tls"]),
  ...conf(MONITOR, ["http", "https", "http_port", "https_port", "http_base_path"]),
  ...conf("the reloader signals the server by it", ["pid_file"]),
  ...conf("the reasons of a failure are read from the pod's log", ["log_file", "syslog", "remote_syslog"]),
  ...conf("servers tell by it what they run, and store by it what their own clients say", ["server_tags"]),
  ...conf("accounts of the same names in other clusters would be joined to these", ["gateway"]),
  ...conf("servers find each other by it", ["cluster port", "cluster listen", "cluster host", "cluster routes"]),
  ...conf("servers log in to each other by it", ["cluster authorization", "cluster tls"]),
  ...conf("stored events are there", ["jetstream store_dir", "jetstream enabled", "store_dir"]),
  ...conf("the limit is compared with the streams", ["jetstream max_file_store"], {
    use: "values.config.jetstream.fileStore.maxSize",
  }),
];

/** What the program sets and its user may set otherwise. */
export const OVERRIDABLE: readonly Protected[] = [
  ["nats.conf", "ping_interval"],
  ["nats.conf", "ping_max"],
  ["nats.conf", "leafnodes", "compression"],
  ["nats.conf", "cluster", "pool_size"],
  ["nats.conf", "jetstream", "sync_interval"],
  ["nats.conf", "jetstream", "max_buffered_msgs"],
  ["nats.conf", "jetstream", "max_buffered_size"],
  ["nats container", "startupProbe"],
  ["nats container", "readinessProbe"],
  ["podTemplate", "topologySpreadConstraints"],
].map((path) => ({ path, why: "this program sets it", allow: () => true }));
