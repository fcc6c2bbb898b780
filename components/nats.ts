// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Chart } from "../settings.ts";
import { refuseOtherClaims, refuseOtherNamespace, refuseOtherServers, tellSmallClaims } from "./claims.ts";
import {
  type Cluster,
  DESCRIPTION,
  formerServersGone,
  OWNER,
  RELEASE,
  refuseForeignRelease,
  wakeServers,
} from "./release.ts";
import { INCLUDE, serversIn, type Values } from "./values.ts";

export interface NatsServerArgs {
  /** Created where it is missing, adopted where it is there, never deleted. */
  readonly namespace: string;
  readonly chart: Chart;
  /** The chart's values, without secrets. */
  readonly values: Values;
  /** Text of the include file: accounts, users, permissions, remotes. */
  readonly include: pulumi.Input<string>;
  /** Password of the user `app`, for nats-box. */
  readonly appPassword: pulumi.Input<string>;
  /** Password of the keeper of the streams, where it has a login of its own. */
  readonly keeperPassword?: pulumi.Input<string> | undefined;
  readonly cluster: Cluster;
}

/** A NATS server or cluster: namespace, the one Secret, the Helm release. It knows no role. */
export class NatsServer extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /** For clients inside the cluster, without credentials. */
  readonly clientUrl: pulumi.Output<string>;

  constructor(name: string, args: NatsServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ops-nats:index:NatsServer", name, {}, opts);
    const { namespace, cluster, values } = args;
    const unchangeable = () => refuseOtherServers(cluster, namespace, serversIn(values));
    const otherClaims = () => refuseOtherClaims(cluster, namespace, serversIn(values));
    const smallClaims = () => tellSmallClaims(cluster, namespace, serversIn(values));
    const patch = new k8s.core.v1.NamespacePatch(`${name}-namespace`, namespaceArgs(args), {
      parent: this,
      // also where it takes another's place: by then the servers in the former namespace are not gone yet
      hooks: { beforeCreate: [() => refuseOtherNamespace(cluster, namespace), otherClaims] },
    });
    const secret = new k8s.core.v1.Secret(`${name}-auth`, secretArgs(args), {
      parent: this,
      dependsOn: [patch],
      hooks: { beforeUpdate: [unchangeable], afterUpdate: [() => wakeServers(cluster, namespace)] },
    });
    const release = new k8s.helm.v3.Release(name, releaseArgs(args), {
      parent: this,
      dependsOn: [secret],
      deleteBeforeReplace: true, // the NodePorts are taken as long as the old release is there
      hooks: {
        beforeCreate: [
          () => refuseForeignRelease(cluster, namespace),
          otherClaims,
          () => formerServersGone(cluster, namespace),
          smallClaims,
        ],
        beforeUpdate: [unchangeable, smallClaims],
      },
    });
    this.namespace = pulumi.output(namespace);
    this.clientUrl = pulumi.interpolate`nats://${release.name}.${namespace}.svc:4222`;
    this.registerOutputs({ namespace: this.namespace, clientUrl: this.clientUrl });
  }
}

/** A plain Namespace would be deleted by `destroy` with all that is in it; a patch leaves it. */
const namespaceArgs = ({ namespace }: NatsServerArgs): k8s.core.v1.NamespacePatchArgs => ({
  metadata: { name: namespace },
});

const secretArgs = ({
  namespace,
  include,
  appPassword,
  keeperPassword,
  cluster,
}: NatsServerArgs): k8s.core.v1.SecretArgs => ({
  metadata: {
    name: INCLUDE.secret,
    namespace,
    labels: { "app.kubernetes.io/part-of": "ops-nats" },
    // one that a killed run made and did not write down is taken over, not refused as another manager's
    annotations: { "pulumi.com/patchForce": "true", [OWNER]: cluster.stack },
  },
  stringData: {
    [INCLUDE.key]: include,
    "app-password": appPassword,
    ...(keeperPassword === undefined ? {} : { "keeper-password": keeperPassword }),
  },
});

const releaseArgs = ({ namespace, chart, values }: NatsServerArgs): k8s.helm.v3.ReleaseArgs => ({
  name: RELEASE,
  namespace,
  chart: chart.chart,
  ...(chart.version === undefined ? {} : { version: chart.version }),
  ...(chart.repository === undefined ? {} : { repositoryOpts: { repo: chart.repository } }),
  values,
  description: DESCRIPTION,
  timeout: 600, // seconds
  maxHistory: 10, // revisions, a Secret each; unlimited by default
});
