// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Chart } from "../config/settings.ts";
import type { Cluster, ReleasePlace } from "../kubernetes/port.ts";
import { merge } from "../lib/merge.ts";
import type { Values } from "../nats/chartValues.ts";
import { tagOf } from "../nats/configTag.ts";
import { type Files, INCLUDE, ROOT_KEY } from "../nats/files.ts";
import { APP, endpoint } from "../nats/logins.ts";
import { fullName, markOf, type StackMark } from "../nats/names.ts";
import { warnFewNodes } from "../preflight/nodes.ts";
import { bridge } from "../rollout/bridge.ts";
import { forgetFormerRuns, settleFormerRuns } from "../rollout/formerRuns.ts";
import { formerServersGone } from "../rollout/formerServers.ts";
import { assertReloaded } from "../rollout/reload.ts";
import { assertNoStrangers } from "../rollout/strangers.ts";
import { waitingHooks } from "../rollout/waiting.ts";
import { wakeServers } from "../rollout/wake.ts";

export interface NatsServerArgs {
  /** Created where it is missing, adopted where it is there, never deleted. */
  readonly namespace: string;
  readonly mark: StackMark;
  /** Of the Helm release; a changed one makes Pulumi run Helm. */
  readonly description: string;
  readonly chart: Chart;
  /** The chart's values, without secrets. */
  readonly values: Values;
  /** Text of the include file: accounts, users, permissions, remotes. */
  readonly include: pulumi.Input<string>;
  /** Passwords of `admin` and of `app`, for people, Ops and nats-box. */
  readonly adminPassword: pulumi.Input<string>;
  readonly appPassword: pulumi.Input<string>;
  /** Password of the controller of the streams, where it has a login of its own. */
  readonly controllerPassword?: pulumi.Input<string> | undefined;
  /** From which keys and certificates are made: a lost state gets it back from the Secret. No pod mounts it. */
  readonly rootKey?: pulumi.Input<string> | undefined;
  /** Entries of the Secret beside the include file, by names that are known beforehand. */
  readonly files?: { readonly keys: readonly string[]; readonly texts: pulumi.Input<Files> };
  /** Password of the user that counts strays, at an edge. */
  readonly watchPassword?: pulumi.Input<string> | undefined;
  readonly cluster: Cluster;
  /** How long Helm may wait for the pods. */
  readonly timeoutSeconds: number;
  /** What has to be there before its servers change. */
  readonly before?: readonly pulumi.Resource[];
}

/** A NATS server or cluster: namespace, the one Secret, the Helm release. It knows no role. */
export class NatsServer extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /** What else is made in the namespace comes after it. */
  readonly patch: k8s.core.v1.NamespacePatch;
  /** For clients inside the cluster, without credentials. */
  readonly clientUrl: pulumi.Output<string>;

  constructor(name: string, args: NatsServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ops-nats:index:NatsServer", name, {}, opts);
    const { namespace, cluster, mark } = args;
    const place: ReleasePlace = { cluster, namespace, release: mark.release };
    const id = mark.id ?? "";
    const selector = `app.kubernetes.io/instance=${mark.release}`;
    const waited = { what: `Helm release ${mark.release}`, namespace, selector, seconds: args.timeoutSeconds };
    const waiting = waitingHooks(cluster, waited);
    const fewNodes = () => warnFewNodes(cluster, args.values);
    let given = Date.now();
    const next = new Promise<string>((resolve) => void pulumi.output(args.include).apply(resolve));
    this.patch = new k8s.core.v1.NamespacePatch(`${name}-namespace`, namespaceArgs(args), { parent: this });
    const secret = new k8s.core.v1.Secret(`${name}-auth`, secretArgs(args), {
      parent: this,
      dependsOn: [this.patch],
      hooks: {
        // a lost state's is made anew over the one that is there
        beforeCreate: [async () => bridge(place, INCLUDE, await next)],
        beforeUpdate: [async () => bridge(place, INCLUDE, await next)],
        afterUpdate: [
          () => {
            given = Date.now();
            return wakeServers(place);
          },
        ],
      },
    });
    const release = new k8s.helm.v3.Release(name, releaseArgs(args), {
      parent: this,
      dependsOn: [secret, ...(args.before ?? [])],
      deleteBeforeReplace: true, // the NodePorts are taken as long as the old release is there
      hooks: {
        beforeCreate: [() => forgetFormerRuns(place, id), () => formerServersGone(place), fewNodes, waiting.start],
        beforeUpdate: [() => settleFormerRuns(place, id), () => formerServersGone(place), fewNodes, waiting.start],
        afterCreate: [waiting.stop],
        afterUpdate: [waiting.stop],
      },
    });
    this.namespace = pulumi.output(namespace);
    // whatever needs the servers waits until they run what they were given
    const running = pulumi.runtime.isDryRun()
      ? release.name
      : pulumi.all([release.name, secret.data]).apply(async ([deployed, data]) => {
          // what the cluster was given: in a run with --target that is not what the settings say, as `stringData` is then
          const include = Buffer.from(data?.[INCLUDE.key] ?? "", "base64").toString();
          await assertReloaded(place, tagOf(include), given);
          await assertNoStrangers(place);
          return deployed;
        });
    this.clientUrl = pulumi.unsecret(running.apply((deployed) => clientUrlOf(deployed, namespace)));
    this.registerOutputs({ namespace: this.namespace, clientUrl: this.clientUrl });
  }
}

/** For clients inside the cluster, without credentials. */
const clientUrlOf = (release: string, namespace: string): string => `nats://${fullName(release)}.${namespace}.svc:4222`;

/** A plain Namespace would be deleted by `destroy` with all that is in it; a patch leaves it. */
const namespaceArgs = ({ namespace }: NatsServerArgs): k8s.core.v1.NamespacePatchArgs => ({
  metadata: { name: namespace },
});

const secretArgs = ({
  namespace,
  include,
  adminPassword,
  appPassword,
  controllerPassword,
  watchPassword,
  rootKey,
  files,
  mark,
}: NatsServerArgs): k8s.core.v1.SecretArgs => ({
  metadata: {
    name: INCLUDE.secret,
    namespace,
    labels: { "app.kubernetes.io/part-of": "ops-nats" },
    // one that a killed run made and did not write down is taken over, not refused as another manager's; whose it is was asked before
    annotations: { "pulumi.com/patchForce": "true", ...markOf(mark) },
  },
  stringData: {
    [INCLUDE.key]: include,
    "admin-password": adminPassword,
    "app-password": appPassword,
    // what Ops is given as event.endpoint
    "ops-event-endpoint": pulumi
      .output(appPassword)
      .apply((password) => endpoint(clientUrlOf(mark.release, namespace), APP, password)),
    ...(rootKey === undefined ? {} : { [ROOT_KEY]: rootKey }),
    ...Object.fromEntries(
      (files?.keys ?? []).map((key) => [key, pulumi.output(files?.texts ?? {}).apply((texts) => texts[key] ?? "")]),
    ),
    ...(controllerPassword === undefined ? {} : { "controller-password": controllerPassword }),
    ...(watchPassword === undefined ? {} : { "watch-password": watchPassword }),
  },
});

const releaseArgs = ({
  namespace,
  mark,
  description,
  chart,
  values,
  timeoutSeconds,
}: NatsServerArgs): k8s.helm.v3.ReleaseArgs => ({
  name: mark.release,
  namespace,
  chart: chart.chart,
  ...(chart.version === undefined ? {} : { version: chart.version }),
  ...(chart.repository === undefined ? {} : { repositoryOpts: { repo: chart.repository } }),
  // also by the values: what Helm has not finished is known by them
  values: merge({ statefulSet: { merge: { metadata: { annotations: markOf(mark) } } } }, values) as Values,
  description,
  timeout: timeoutSeconds,
  maxHistory: 10, // revisions, a Secret each; unlimited by default
});
