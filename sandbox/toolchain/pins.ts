// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Versions that several files must agree on; the Go modules' own pins are their go.mod files. */
export const PULUMI_VERSION = "3.256.0";
/** The first CLI with resource hooks, by Pulumi's changelog (engine, #19874); the program uses them. */
export const PULUMI_FLOOR = "3.182.0";
export const PLUGINS = { kubernetes: "4.25.0", random: "4.21.2" } as const;
export const KUBERNETES_VERSION = "1.33.4";
/** Of the image that the controller runs in, by npm's packages of the official binary. */
export const NODE_VERSION = "24.22.3";
export const NODE_INTEGRITY: Readonly<Record<string, string>> = {
  x64: "sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==",
  arm64: "sha512-IZx0J52/1NDwAsY2iyWR9nlPIYuYviTWetjj8+ElvYQh2+XRhLfCfkbFEF/2O5vGI2hcUbyPNHV+nz342FbJXw==",
};
export const NATS_VERSIONS = ["2.10.20", "2.15.3"] as const;

const version = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/** A Go module of the toolchain: where it lies below `sandbox/`, what is built from it and under which names. */
export interface GoModule {
  readonly folder: string;
  /** Package -> name of the program; several names share one program. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** Variables set by the linker. */
  readonly set: Readonly<Record<string, string>>;
  /** Seconds that a cold build took on two cores when it was last measured. */
  readonly seconds: number;
}

const nats = (release: string): GoModule => ({
  folder: `toolchain/nats-server-${release}`,
  programs: { "github.com/nats-io/nats-server/v2": [`nats-server-${release}`] },
  set: {},
  seconds: 25,
});

export const GO_MODULES = {
  "nats-server-2.10.20": nats("2.10.20"),
  "nats-server-2.15.3": nats("2.15.3"),
  "nats-cli": {
    folder: "toolchain/nats-cli",
    programs: { "github.com/nats-io/natscli/nats": ["nats"] },
    set: { "main.version": "0.1.5" },
    seconds: 25,
  },
  "ops-client": { folder: "opsClient", programs: { ".": ["ops-client"] }, set: {}, seconds: 10 },
  reloader: { folder: "reloader", programs: { ".": ["reloader"] }, set: {}, seconds: 5 },
  cluster: {
    folder: "toolchain/cluster",
    programs: {
      "./kubernetes": [
        "kubectl",
        "kubelet",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
      ],
      "./pulumi-resource-kubernetes": ["pulumi-resource-kubernetes"],
      "./coredns": ["coredns"],
      "helm.sh/helm/v3/cmd/helm": ["helm"],
    },
    set: {
      "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": PLUGINS.kubernetes,
      "k8s.io/component-base/version.gitVersion": `v${KUBERNETES_VERSION}`,
      "k8s.io/component-base/version.gitMajor": "1",
      "k8s.io/component-base/version.gitMinor": "33",
    },
    seconds: 320,
  },
  pulumi: {
    folder: "toolchain/pulumi",
    programs: {
      "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi": ["pulumi"],
      "./random/pulumi-resource-random": ["pulumi-resource-random"],
      "./random/schema": ["random-schema"],
      "./language-nodejs": ["pulumi-language-nodejs"],
    },
    set: { [version]: `v${PULUMI_VERSION}`, "ops-nats/sandbox/toolchain/pulumi/random.Version": PLUGINS.random },
    seconds: 202,
  },
} as const satisfies Record<string, GoModule>;

export type GoModuleName = keyof typeof GO_MODULES;

/** Static programs without debug information: half the link time, a third less to compile. */
export const BUILD_FLAGS = ["-trimpath", "-gcflags=all=-dwarf=false"];
export const BUILD_ENV = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false", GOWORK: "off" };

/** Debian packages that are unpacked into the cache and never installed: no service of theirs starts, none is replaced. */
export const UNPACKED_PACKAGES = [
  "containerd",
  "runc",
  "containernetworking-plugins",
  "etcd-server",
  "etcd-client",
  "busybox-static",
];

/** The same for images: Debian's C library and what else Node and the programs of nats-box run on. */
export const IMAGE_PACKAGES = ["libc6", "libstdc++6", "libgcc-s1", "jq", "libjq1", "libonig5"];

/** Commands of the system, with the Debian package that brings each; packages of missing ones are installed. */
export const SYSTEM_COMMANDS: Readonly<Record<string, string>> = {
  iptables: "iptables",
  conntrack: "conntrack",
  ip: "iproute2",
  nsenter: "util-linux",
  openssl: "openssl",
  jq: "jq",
};
