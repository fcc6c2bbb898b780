// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../settings.ts";
import { INCLUDE } from "./files.ts";
import { markOf, type StackMark } from "./nats.ts";
import { type Cluster, fullName } from "./release.ts";
import type { Plan } from "./streams.ts";
import { waitingHooks } from "./waiting.ts";

export interface KeeperArgs {
  readonly namespace: string;
  readonly mark: StackMark;
  /** It runs in the nats-box image, which the chart uses anyway. */
  readonly images: Images;
  readonly plan: Plan;
  /** The login by which it reaches the account of the streams. */
  readonly user: string;
  /** The key of its password in the Secret. */
  readonly passwordKey: string;
  /** The login by which strays are counted, at an edge. */
  readonly watch?: { readonly user: string; readonly passwordKey: string };
  /** How many servers there are. */
  readonly replicas: number;
  /** How long it may take to be ready. */
  readonly timeoutSeconds: number;
  readonly cluster: Cluster;
}

const nameOf = ({ mark }: KeeperArgs): string => `${fullName(mark.release)}-keeper`;
const FOLDER = "/etc/keeper";
const labelsOf = (args: KeeperArgs) => ({
  "app.kubernetes.io/name": nameOf(args),
  "app.kubernetes.io/part-of": "ops-nats",
});
const annotationsOf = ({ mark }: KeeperArgs) => ({ ...PATCH_FORCE, ...markOf(mark) });

/**
 * Makes and keeps the streams, from inside of the cluster. It is ready when they are as planned, which `pulumi up` waits
 * for; another plan is another Deployment. Nothing flows through it.
 */
export class StreamKeeper extends pulumi.ComponentResource {
  /** Its Deployment's name, once it is ready. */
  readonly deployment: pulumi.Output<string>;

  constructor(name: string, args: KeeperArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ops-nats:index:StreamKeeper", name, {}, opts);
    const plan = `${JSON.stringify(args.plan, undefined, 1)}\n`;
    const files = { ...Object.fromEntries(SCRIPTS.map((file) => [file, script(file)])), "plan.json": plan };
    const config = new k8s.core.v1.ConfigMap(
      `${name}-keeper`,
      {
        metadata: {
          name: nameOf(args),
          namespace: args.namespace,
          labels: labelsOf(args),
          annotations: annotationsOf(args),
        },
        data: files,
      },
      { parent: this },
    );
    const selector = `app.kubernetes.io/name=${nameOf(args)}`;
    const { namespace, timeoutSeconds: seconds, cluster } = args;
    const { start, stop } = waitingHooks(cluster, { what: `Deployment ${nameOf(args)}`, namespace, selector, seconds });
    const hooks = { beforeCreate: [start], afterCreate: [stop], beforeUpdate: [start], afterUpdate: [stop] };
    const after = { parent: this, dependsOn: [config], hooks, ...ANEW };
    this.deployment = new k8s.apps.v1.Deployment(`${name}-keeper`, deployment(args, files), after).metadata.name;
    this.registerOutputs({ deployment: this.deployment });
  }
}

/** One that a killed run made and did not write down is taken over, not refused as another manager's; whose it is was asked before. */
const PATCH_FORCE = { "pulumi.com/patchForce": "true" };

/**
 * Another pod is another Deployment: where one is updated by Recreate, Pulumi (provider 4.25.0) may take the former pod's last moments
 * for the rollout's end, and be done before the new plan is (docs/decisions/0010-keeper.md).
 */
const ANEW = { replaceOnChanges: ["spec"], deleteBeforeReplace: true };

/** What the keeper runs, and what that reads. */
const SCRIPTS = ["keeper.sh", "brake.sh", "watch.sh"];
const script = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");

function deployment(args: KeeperArgs, files: Readonly<Record<string, string>>): k8s.apps.v1.DeploymentArgs {
  const { namespace, images } = args;
  const [name, labels] = [nameOf(args), labelsOf(args)];
  const hash = createHash("sha256").update(JSON.stringify(files)).digest("hex");
  return {
    // Pulumi gives up on it, in seconds, where the streams cannot be made as planned
    metadata: {
      name,
      namespace,
      labels,
      annotations: { ...annotationsOf(args), "pulumi.com/timeoutSeconds": String(args.timeoutSeconds) },
    },
    spec: {
      replicas: 1,
      strategy: { type: "Recreate" }, // two would contradict each other
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { "ops-nats/plan": hash } },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
          imagePullSecrets: images.pullSecrets.map((secret) => ({ name: secret })),
          containers: [container(args)],
          volumes: [
            { name: "plan", configMap: { name } },
            { name: "tmp", emptyDir: {} },
            ...(args.watch ? [watchVolume(args.watch.passwordKey)] : []),
          ],
        },
      },
    },
  };
}

/** A file, not a variable: where the password changes, the file does. */
const WATCH = { volume: "watch", folder: "/etc/watch", file: "password" };
const watchVolume = (key: string): k8s.types.input.core.v1.Volume => ({
  name: WATCH.volume,
  secret: { secretName: INCLUDE.secret, items: [{ key, path: WATCH.file }] },
});

function container({
  namespace,
  mark,
  images,
  user,
  passwordKey,
  watch,
  replicas,
}: KeeperArgs): k8s.types.input.core.v1.Container {
  const servers = fullName(mark.release);
  const { repository, tag } = images.natsBox;
  const pods = Array.from(
    { length: replicas },
    (_, i) => `http://${servers}-${i}.${servers}-headless.${namespace}.svc:8222`,
  );
  return {
    name: "keeper",
    image: `${images.registry === undefined ? "" : `${images.registry}/`}${repository}:${tag}`,
    command: ["sh", `${FOLDER}/keeper.sh`],
    env: [
      { name: "HOME", value: "/tmp" },
      { name: "XDG_CONFIG_HOME", value: "/tmp" },
      { name: "NATS_URL", value: `nats://${servers}.${namespace}.svc:4222` },
      { name: "NATS_USER", value: user },
      { name: "NATS_PASSWORD", valueFrom: { secretKeyRef: { name: INCLUDE.secret, key: passwordKey } } },
      { name: "SERVER_SET", value: servers },
      { name: "MONITORS", value: pods.join(" ") },
      ...(watch
        ? [
            { name: "WATCH_USER", value: watch.user },
            { name: "WATCH_PASSWORD_FILE", value: `${WATCH.folder}/${WATCH.file}` },
          ]
        : []),
    ],
    readinessProbe: { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 },
    resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "512Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "plan", mountPath: FOLDER },
      { name: "tmp", mountPath: "/tmp" },
      ...(watch ? [{ name: WATCH.volume, mountPath: WATCH.folder, readOnly: true }] : []),
    ],
  };
}
