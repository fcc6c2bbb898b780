// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../config/settings.ts";
import type { Cluster } from "../kubernetes/port.ts";
import { at, type Values } from "../nats/chartValues.ts";
import { INCLUDE } from "../nats/files.ts";
import { controllerName, fullName, markOf, planName, type StackMark } from "../nats/names.ts";
import type { Plan } from "../nats/streams.ts";
import { planText } from "../nats/streams.ts";
import { waitingHooks } from "../rollout/waiting.ts";
import { bundle } from "./controllerBundle.ts";

/** A login of the controller, whose password is an entry of the Secret. */
export interface ControllerLogin {
  readonly user: string;
  readonly passwordKey: string;
  readonly password: pulumi.Input<string>;
}

export interface ControllerArgs {
  readonly namespace: string;
  readonly mark: StackMark;
  readonly images: Images;
  /** The user's values of the chart: where servers may run, it may, too. */
  readonly values: Values;
  readonly plan: Plan;
  /** By which it reaches the account of the streams, where some are planned. */
  readonly login: ControllerLogin | undefined;
  /** By which strays are counted, at an edge. */
  readonly watch?: ControllerLogin;
  /** How many servers there are. */
  readonly replicas: number;
  /** How long it may take to be ready. */
  readonly timeoutSeconds: number;
  readonly cluster: Cluster;
}

const nameOf = ({ mark }: ControllerArgs): string => controllerName(mark.release);

const PROGRAM = "controller.cjs";

const PLAN = "plan.json";

const FOLDER = "/etc/controller";

const LOGINS = "/etc/controller-logins";

const PORT = 8080;

const labelsOf = (args: ControllerArgs) => ({
  "app.kubernetes.io/name": nameOf(args),
  "app.kubernetes.io/part-of": "ops-nats",
});

/**
 * Makes and keeps the streams, from inside of the cluster, and tells of these, of links and of certificates. It is ready when streams are as planned, which
 * `pulumi up` waits for; another plan is another Deployment. Nothing flows through it.
 */
export class Controller extends pulumi.ComponentResource {
  /** Its Deployment, which is ready when it was made. */
  readonly deployment: k8s.apps.v1.Deployment;

  constructor(name: string, args: ControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ops-nats:index:Controller", name, {}, opts);
    const { namespace, mark, plan, timeoutSeconds: seconds, cluster } = args;
    const parent = { parent: this };
    const metadata = {
      name: nameOf(args),
      namespace,
      labels: labelsOf(args),
      annotations: { ...PATCH_FORCE, ...markOf(mark) },
    };
    const program = pulumi.output(bundle());
    const configs = [
      new k8s.core.v1.ConfigMap(`${name}-controller`, { metadata, data: { [PROGRAM]: program } }, parent),
      new k8s.core.v1.ConfigMap(
        `${name}-controller-plan`,
        { metadata: { ...metadata, name: planName(mark.release) }, data: { [PLAN]: planText(plan) } },
        parent,
      ),
    ];
    // one that only counts has nothing that a second one could undo
    const turn = plan.streams.length > 0 ? takesTurns(`${name}-controller`, metadata, parent) : [];
    const selector = `app.kubernetes.io/name=${nameOf(args)}`;
    const { start, stop } = waitingHooks(cluster, { what: `Deployment ${nameOf(args)}`, namespace, selector, seconds });
    const hooks = { beforeCreate: [start], afterCreate: [stop], beforeUpdate: [start], afterUpdate: [stop] };
    this.deployment = new k8s.apps.v1.Deployment(
      `${name}-controller`,
      {
        // Pulumi gives up on it, in seconds, where the streams cannot be made as planned
        metadata: {
          ...metadata,
          annotations: { ...metadata.annotations, "pulumi.com/timeoutSeconds": String(seconds) },
        },
        spec: deployment(args, program),
      },
      { ...parent, dependsOn: [...configs, ...turn], hooks, ...ANEW },
    );
    this.registerOutputs({ deployment: this.deployment.metadata.name });
  }
}

/** One that a killed run made and did not write down is taken over, not refused as another manager's; whose it is was asked before. */
const PATCH_FORCE = { "pulumi.com/patchForce": "true" };

/**
 * Another pod is another Deployment: where one is updated by Recreate, Pulumi (provider 4.25.0) may take the former pod's last moments
 * for the rollout's end, and be done before the new plan is (docs/decisions/0010-controller.md).
 */
const ANEW = { replaceOnChanges: ["spec"], deleteBeforeReplace: true };

type Metadata = k8s.types.input.meta.v1.ObjectMeta & { readonly name: string; readonly namespace: string };

/** The Lease by which one of several acts, and the right to it: to that one object, which the stack itself makes, and to nothing else. */
function takesTurns(name: string, metadata: Metadata, opts: pulumi.CustomResourceOptions): pulumi.Resource[] {
  const rights = { apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: [metadata.name] };
  const role = new k8s.rbac.v1.Role(name, { metadata, rules: [{ ...rights, verbs: ["get", "update"] }] }, opts);
  return [
    new k8s.core.v1.ServiceAccount(name, { metadata, automountServiceAccountToken: false }, opts),
    new k8s.coordination.v1.Lease(name, { metadata }, opts),
    role,
    new k8s.rbac.v1.RoleBinding(
      name,
      {
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
        subjects: [{ kind: "ServiceAccount", name: metadata.name, namespace: metadata.namespace }],
      },
      { ...opts, dependsOn: [role] },
    ),
  ];
}

/** What of a pod's place the user has said of servers. */
function whereServersRun(values: Values): Values {
  const spec = at(at(at(values, "podTemplate"), "merge"), "spec");
  // no affinity: who keeps servers apart would keep it away from all of them
  const keys = ["tolerations", "nodeSelector", "priorityClassName"];
  return Object.fromEntries(keys.flatMap((key) => (spec[key] === undefined ? [] : [[key, spec[key]]])));
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

function deployment(args: ControllerArgs, program: pulumi.Output<string>): k8s.types.input.apps.v1.DeploymentSpec {
  const { images, plan, login, watch } = args;
  const [name, labels] = [nameOf(args), labelsOf(args)];
  const logins = [login, watch].filter((one) => one !== undefined);
  // 64 bits of a hash over passwords of 190 tell nothing of these; another password is another pod
  const passwords = pulumi.unsecret(
    pulumi.all(logins.map(({ password }) => password)).apply((all) => hashOf(JSON.stringify(all)).slice(0, 16)),
  );
  const leads = plan.streams.length > 0;
  return {
    replicas: 1,
    strategy: { type: "Recreate" }, // one at a time; where a node does not answer, the Lease sees to that
    selector: { matchLabels: labels },
    template: {
      metadata: {
        labels,
        annotations: {
          "ops-nats/program": program.apply(hashOf),
          "ops-nats/plan": hashOf(planText(plan)),
          "ops-nats/logins": passwords,
        },
      },
      spec: {
        ...whereServersRun(args.values),
        ...(leads ? { serviceAccountName: name } : {}),
        automountServiceAccountToken: leads,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 15,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1000,
          seccompProfile: { type: "RuntimeDefault" },
        },
        imagePullSecrets: images.pullSecrets.map((secret) => ({ name: secret })),
        containers: [container(args, leads)],
        volumes: [
          {
            name: "program",
            projected: { sources: [name, planName(args.mark.release)].map((one) => ({ configMap: { name: one } })) },
          },
          // files, not variables: where a password changes, the file does
          ...(logins.length > 0 ? [passwordFiles(logins)] : []),
        ],
      },
    },
  };
}

const passwordFiles = (logins: readonly ControllerLogin[]): k8s.types.input.core.v1.Volume => ({
  name: "logins",
  secret: {
    secretName: INCLUDE.secret,
    items: logins.map(({ user, passwordKey }) => ({ key: passwordKey, path: user })),
  },
});

function container(
  { namespace, mark, images, login, watch, replicas }: ControllerArgs,
  leads: boolean,
): k8s.types.input.core.v1.Container {
  const servers = fullName(mark.release);
  const { repository, tag } = images.controller;
  const monitors = Array.from({ length: replicas }, (_, i) => {
    const pod = `${servers}-${i}`;
    return `${pod}=http://${pod}.${servers}-headless:8222`;
  });
  const probe = { periodSeconds: 1, timeoutSeconds: 5 };
  return {
    name: "controller",
    image: `${images.registry === undefined ? "" : `${images.registry}/`}${repository}:${tag}`,
    command: ["node", `${FOLDER}/${PROGRAM}`],
    env: [
      { name: "PLAN", value: `${FOLDER}/${PLAN}` },
      { name: "PORT", value: String(PORT) },
      // short names: the pod's own namespace is asked first, and so no other that is called as a part of a longer one
      { name: "NATS_URL", value: `nats://${servers}:4222` },
      { name: "MONITORS", value: monitors.join(" ") },
      ...(login
        ? [
            { name: "NATS_USER", value: login.user },
            { name: "NATS_PASSWORD_FILE", value: `${LOGINS}/${login.user}` },
          ]
        : []),
      ...(leads ? [{ name: "LEASE", value: `${namespace}/${controllerName(mark.release)}` }] : []),
      ...(watch
        ? [
            { name: "WATCH_USER", value: watch.user },
            { name: "WATCH_PASSWORD_FILE", value: `${LOGINS}/${watch.user}` },
          ]
        : []),
    ],
    ports: [{ name: "http", containerPort: PORT }],
    readinessProbe: { ...probe, httpGet: { path: "/readyz", port: PORT }, failureThreshold: 3 },
    livenessProbe: { ...probe, httpGet: { path: "/healthz", port: PORT }, periodSeconds: 10, failureThreshold: 6 },
    resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "512Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "program", mountPath: FOLDER, readOnly: true },
      ...(login || watch ? [{ name: "logins", mountPath: LOGINS, readOnly: true }] : []),
    ],
  };
}
