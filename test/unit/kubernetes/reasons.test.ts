// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { reasons } from "../../../kubernetes/reasons.ts";
import { type Snapshot, wantedLogs } from "../../../kubernetes/snapshot.ts";
import { ago, event, meta, NOW, pod, snapshot, unscheduled, well } from "../../harness/pods.ts";

const set = (created: number, replicas = 3) => ({
  metadata: meta("nats"),
  spec: { replicas, selector: {}, template: {}, serviceName: "nats-headless" },
  status: { replicas: created },
});
const replicaSet = { metadata: meta("nats-box-7d9c"), spec: { replicas: 1, selector: {} }, status: { replicas: 0 } };
const claim = { metadata: meta("nats-js-nats-0"), status: { phase: "Pending" } };
const balancer = { metadata: meta("nats"), spec: { type: "LoadBalancer" }, status: { loadBalancer: {} } };

const PULL =
  'Failed to pull image "nats:nope": rpc error: code = NotFound desc = docker.io/library/nats:nope: not found';
const crashed = { exitCode: 1, reason: "Error", startedAt: ago(40), finishedAt: ago(39) };
const terminating = (seconds: number) => ({ metadata: { ...meta("nats-0"), deletionTimestamp: ago(seconds) } });

/** What is seen, the one line that it makes, and what makes it go away. */
const CASES: readonly (readonly [string, Partial<Snapshot>, RegExp])[] = [
  [
    "an image that does not exist, with the registry's words",
    {
      pods: [
        pod([{ state: { waiting: { reason: "ImagePullBackOff", message: 'Back-off pulling image "nats:nope"' } } }]),
      ],
      events: [event("nats-0", "Failed", PULL), event("nats-0", "Failed", "Error: ImagePullBackOff", { seconds: 1 })],
    },
    /^pod nats-0, container nats: image nats:nope cannot be pulled \(ImagePullBackOff\): Failed to pull .*not found\. Fix: set ops-nats:images .*pullSecrets/,
  ],
  [
    "a registry that does not answer",
    {
      pods: [pod([{ state: { waiting: { reason: "ContainerCreating" } } }])],
      events: [event("nats-0", "Pulling", 'Pulling image "nats:nope"', { type: "Normal", seconds: 31 })],
    },
    /^pod nats-0, container nats: still pulls image nats:nope, for 31 s\. Fix: see that the node reaches the registry/,
  ],
  [
    "an image name that is none",
    { pods: [pod([{ state: { waiting: { reason: "InvalidImageName", message: "couldn't parse image name" } } }])] },
    /\(InvalidImageName\): couldn't parse image name\. Fix: set ops-nats:images/,
  ],
  [
    "an image of a container that prepares",
    {
      pods: [
        pod([], {
          spec: { containers: [], initContainers: [{ name: "init", image: "busybox:nope" }] },
          status: {
            initContainerStatuses: [
              {
                ...pod([{}]).status?.containerStatuses?.[0],
                name: "init",
                state: { waiting: { reason: "ErrImagePull" } },
              },
            ] as never,
          },
        }),
      ],
    },
    /^pod nats-0, container init: image busybox:nope cannot be pulled \(ErrImagePull\): ErrImagePull\. /,
  ],
  [
    "a Secret that a container needs and is not there",
    {
      pods: [pod([{ state: { waiting: { reason: "CreateContainerConfigError", message: 'secret "x" not found' } } }])],
    },
    /^pod nats-0, container nats: CreateContainerConfigError: secret "x" not found\. Fix: kubectl -n ops-system describe pod nats-0$/,
  ],
  [
    "a crash, with the last line of the previous run",
    {
      pods: [
        pod([
          { restartCount: 3, state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: crashed } },
        ]),
      ],
      logs: { "nats-0/nats": 'starting\nnats-server: nats.conf:7:3: unknown field "nonsense"\n\n' },
    },
    /^pod nats-0, container nats: CrashLoopBackOff: Error, exit code 1, 3 restarts; its last log line: nats-server: nats\.conf:7:3: unknown field "nonsense"\. Fix: kubectl -n ops-system logs nats-0 -c nats --previous$/,
  ],
  [
    "a program that logs JSON, by what it says",
    {
      pods: [pod([{ state: { terminated: crashed } }])],
      logs: {
        "nats-0/nats":
          '{"time":"2026-01-01T00:00:00Z","level":"warn","message":"lease nats-controller cannot be read"}',
      },
    },
    /0 restarts; its last log line: lease nats-controller cannot be read\. Fix: /,
  ],
  [
    "a crash that was not followed by a start yet",
    { pods: [pod([{ state: { terminated: crashed } }])], logs: { "nats-0/nats": "no space left" } },
    /: ended: Error, exit code 1, 0 restarts; its last log line: no space left\. Fix: kubectl -n ops-system logs nats-0 -c nats$/,
  ],
  [
    "a server that takes more memory than it may",
    {
      pods: [
        pod([
          {
            restartCount: 1,
            state: { running: { startedAt: ago(1) } },
            lastState: { terminated: { ...crashed, exitCode: 137, reason: "OOMKilled" } },
          },
        ]),
      ],
    },
    /OOMKilled, exit code 137, 1 restart\. Fix: raise ops-nats:resources\.limits\.memory/,
  ],
  [
    "nodes that are cordoned",
    { pods: [unscheduled("0/1 nodes are available: 1 node(s) were unschedulable. preemption: not helpful.")] },
    /^pod nats-0: cannot be scheduled: 0\/1 nodes are available: 1 node\(s\) were unschedulable.*Fix: kubectl get nodes; kubectl uncordon <node>.*tolerations$/,
  ],
  [
    "nodes too few for a spread",
    { pods: [unscheduled("0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.")] },
    /didn't match pod topology spread constraints\. Fix: .*ops-nats:values\.podTemplate\.topologySpreadConstraints or fewer ops-nats:replicas$/,
  ],
  [
    "nodes without room",
    { pods: [unscheduled("0/1 nodes are available: 1 Insufficient memory.")] },
    /1 Insufficient memory\. Fix: kubectl describe nodes; add nodes/,
  ],
  [
    "no scheduler",
    { pods: [pod([], { status: { conditions: [] } })] },
    /^pod nats-0: no scheduler has taken it\. Fix: kubectl -n kube-system get pods/,
  ],
  [
    "a storage class that does not exist: told once, of the claim, not of the pod again",
    {
      pods: [unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")],
      claims: [claim],
      events: [event("nats-js-nats-0", "ProvisioningFailed", 'storageclass.storage.k8s.io "nope" not found')],
    },
    /^pod nats-0 waits for its volume: claim nats-js-nats-0: ProvisioningFailed: storageclass\.storage\.k8s\.io "nope" not found\. Fix: kubectl get storageclass; set ops-nats:persistence\.storageClass .*delete pvc nats-js-nats-0$/,
  ],
  [
    "no storage class at all",
    {
      pods: [unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")],
      claims: [claim],
      events: [
        event(
          "nats-js-nats-0",
          "FailedBinding",
          "no persistent volumes available for this claim and no storage class is set",
          {
            type: "Normal",
          },
        ),
      ],
    },
    /FailedBinding: no persistent volumes .*\. Fix: kubectl get storageclass; set ops-nats:persistence/,
  ],
  [
    "a provisioner that does not answer",
    {
      claims: [claim],
      events: [event("nats-js-nats-0", "ExternalProvisioning", "Waiting for a volume", { type: "Normal" })],
    },
    /^claim nats-js-nats-0: ExternalProvisioning: Waiting for a volume\. Fix: kubectl -n ops-system describe pvc/,
  ],
  [
    "a quota",
    {
      statefulSets: [set(0)],
      events: [
        event(
          "nats",
          "FailedCreate",
          'create Pod nats-0 in StatefulSet nats failed error: pods "nats-0" is forbidden: exceeded quota: none, requested: pods=1',
        ),
      ],
    },
    /^StatefulSet nats: its pods cannot be created: create Pod nats-0 .*exceeded quota: none, requested: pods=1\. Fix: kubectl -n ops-system describe resourcequota/,
  ],
  [
    "PodSecurity, of a Deployment",
    {
      replicaSets: [replicaSet],
      events: [
        event(
          "nats-box-7d9c",
          "FailedCreate",
          'Error creating: pods "nats-box-7d9c-x" is forbidden: violates PodSecurity "restricted:latest"',
        ),
      ],
    },
    /^ReplicaSet nats-box-7d9c: its pods cannot be created: .*violates PodSecurity.*\. Fix: kubectl label namespace ops-system pod-security\.kubernetes\.io\/enforce=baseline/,
  ],
  [
    "a policy of somebody's",
    {
      statefulSets: [set(1)],
      events: [
        event("nats", "FailedCreate", 'admission webhook "validate.kyverno.svc" denied the request: no limits', {
          seconds: 5,
        }),
        event("nats", "FailedCreate", "exceeded quota: older", { seconds: 60 }),
      ],
    },
    /denied the request: no limits\. Fix: ask whoever made that policy for an exception in namespace ops-system/,
  ],
  [
    "a volume that cannot be mounted",
    {
      pods: [pod([{ state: { waiting: { reason: "ContainerCreating" } } }])],
      events: [
        event("nats-0", "FailedMount", 'MountVolume.SetUp failed for volume "x": secret "ops-nats-auth" not found'),
      ],
    },
    /container nats: ContainerCreating: FailedMount: MountVolume\.SetUp failed .*not found\. Fix: kubectl -n ops-system describe pod nats-0$/,
  ],
  [
    "a server that does not become ready, in its own words",
    {
      pods: [
        pod([
          { state: { running: { startedAt: ago(45) } } },
          { name: "reloader", ready: true, state: { running: { startedAt: ago(45) } } },
        ]),
      ],
      events: [
        event("nats-0", "Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503", {
          field: "spec.containers{nats}",
        }),
        event("nats-0", "Unhealthy", "of another", { field: "spec.containers{reloader}", seconds: 1 }),
      ],
      logs: { "nats-0/nats": "[7] [WRN] Waiting for routing to be established..." },
    },
    /^pod nats-0, container nats: runs but is not ready: Startup probe failed: .*503; its last log line: \[7\] \[WRN\] Waiting for routing to be established\.\.\.\. Fix: kubectl -n ops-system logs nats-0 -c nats$/,
  ],
  [
    "a pod that was evicted",
    {
      pods: [
        pod([], { status: { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." } }),
      ],
    },
    /^pod nats-0: Evicted: The node was low on resource: memory\. Fix: kubectl/,
  ],
  [
    "a pod that does not end",
    { pods: [pod([], terminating(31))] },
    /^pod nats-0: is still terminating on node node-1\. Fix: kubectl get node node-1; .*delete pod nats-0 --force$/,
  ],
  [
    "a load balancer that nobody makes",
    { services: [balancer], events: [event("nats", "SyncLoadBalancerFailed", "no provider")] },
    /^Service nats: its load balancer has no address: no provider\. Fix: kubectl -n ops-system describe service nats/,
  ],
];

/** What is seen of workloads that are on their way. */
const NOTHING: readonly (readonly [string, Partial<Snapshot>])[] = [
  ["nothing", {}],
  [
    "a pod that is ready",
    { pods: [well()], statefulSets: [set(3)], claims: [{ ...claim, status: { phase: "Bound" } }] },
  ],
  [
    "a server that crashed once and is ready now",
    {
      pods: [
        pod([
          {
            ready: true,
            restartCount: 1,
            state: { running: { startedAt: ago(50) } },
            lastState: { terminated: crashed },
          },
        ]),
      ],
    },
  ],
  ["a server that has just started", { pods: [pod([{ state: { running: { startedAt: ago(29) } } }])] }],
  [
    "a pod whose containers are being made, whatever was seen before",
    {
      pods: [pod([{ state: { waiting: { reason: "ContainerCreating" } } }], { metadata: meta("nats-0", 29) })],
      events: [event("nats-0", "FailedMount", "timed out")],
    },
  ],
  [
    "an image that is being pulled, and one that was",
    {
      pods: [pod([{ state: { waiting: { reason: "ContainerCreating" } } }])],
      events: [
        event("nats-0", "Pulling", 'Pulling image "nats:nope"', { type: "Normal", seconds: 20 }),
        event("nats-0", "Pulling", 'Pulling image "natsio/nats-server-config-reloader:0.15.1"', {
          type: "Normal",
          seconds: 60,
        }),
      ],
    },
  ],
  ["a pod that drains within its time", { pods: [pod([{ state: { terminated: crashed } }], terminating(-60))] }],
  [
    "what was said before the pods could be created",
    { statefulSets: [set(3)], events: [event("nats", "FailedCreate", "exceeded quota: none")] },
  ],
  [
    "what was said of another object of the same name",
    {
      statefulSets: [set(0)],
      events: [{ ...event("nats", "FailedCreate", "x"), involvedObject: { name: "nats", uid: "y" } }],
    },
  ],
  [
    "a claim that waits for its pod",
    { claims: [claim], events: [event("nats-js-nats-0", "WaitForFirstConsumer", "waits", { type: "Normal" })] },
  ],
  [
    "a volume that is being made",
    {
      claims: [{ ...claim, metadata: meta("nats-js-nats-0", 20) }],
      events: [event("nats-js-nats-0", "ExternalProvisioning", "Waiting", { type: "Normal" })],
    },
  ],
  [
    "a pod of helm test",
    { pods: [pod([{ state: { terminated: crashed } }], { metadata: { annotations: { "helm.sh/hook": "test" } } })] },
  ],
];

describe("why pods are not ready", () => {
  for (const [what, seen, pattern] of CASES) {
    it(what, () => {
      const found = reasons(snapshot(seen), NOW);
      assert.deepEqual(
        [found.length, found.some(({ text }) => text.includes("\n"))],
        [1, false],
        JSON.stringify(found),
      );
      assert.match(found[0]?.text ?? "", pattern);
    });
  }

  for (const [what, seen] of NOTHING) {
    it(`is not said of ${what}`, () => assert.deepEqual(reasons(snapshot(seen), NOW), []));
  }

  it("is the same reason while Kubernetes has other words for it", () => {
    const key = (reason: string) =>
      reasons(snapshot({ pods: [pod([{ state: { waiting: { reason, message: reason } } }])] }), NOW).map((r) => r.key);
    assert.deepEqual(key("ErrImagePull"), key("ImagePullBackOff"));
    assert.notDeepEqual(key("ErrImagePull"), key("CreateContainerConfigError"));
  });

  it("of several pods is said of each", () => {
    const message = "0/3 nodes are available: 3 Insufficient cpu.";
    const pods = ["nats-0", "nats-1"].map((name) => ({ ...unscheduled(message), metadata: meta(name) }));
    const keys = reasons(snapshot({ pods }), NOW).map(({ key }) => key);
    assert.deepEqual(keys, ["nats-0 scheduling", "nats-1 scheduling"]);
  });

  it("asks for the log of the run that ended, or of the one that is not ready, and of no other", () => {
    const running = { running: { startedAt: ago(9) } };
    const pods = [
      pod([
        { name: "again", state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: crashed } },
        { name: "ended", state: { terminated: crashed } },
        { name: "slow", state: running },
        { name: "well", ready: true, state: running, lastState: { terminated: crashed } },
        { name: "pulling", state: { waiting: { reason: "ErrImagePull" } } },
      ]),
    ];
    assert.deepEqual(
      wantedLogs(pods).map(({ container, previous }) => [container, previous]),
      [
        ["again", true],
        ["ended", false],
        ["slow", false],
      ],
    );
  });
});
