// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { ensureDaemon, waitingFor } from "./daemon.ts";
import { type Images, pauseImage } from "./images.ts";
import { type Machine, runInside } from "./machine.ts";
import { until } from "./wait.ts";

/** Where the CNI plugins are; not where a user's own containerd has them. */
export async function startContainerd(machine: Machine, cni: string): Promise<void> {
  const { layout, bin } = machine;
  const network = join(layout.folder, "cni");
  const text = (value: string) => JSON.stringify(value);
  const config = `version = 2
root = ${text(join(layout.folder, "containerd"))}
state = ${text(join(layout.run, "containerd"))}
[grpc]
  address = ${text(layout.socket)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${text(join(layout.folder, "opt"))}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${text(pauseImage)}
  # Without CAP_SYS_RESOURCE runc may not lower a score, and a container would not start.
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${text(cni)}
    conf_dir = ${text(network)}
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = ${text(join(bin, "runc"))}
      SystemdCgroup = false
`;
  const file = join(layout.folder, "containerd.toml");
  await writeFile(file, config);
  await writeFile(join(network, "10-sandbox.conflist"), networkConfig(machine));
  await ensureDaemon(machine, "containerd", ["--config", file, "--log-level", "warn"]);
}

/** Each pod has a cable of its own to the node and no neighbour: so all it sends is routed, and a Service's way back is found. */
function networkConfig({ layout }: Machine): string {
  const ipam = {
    type: "host-local",
    dataDir: join(layout.folder, "cni-state/networks"),
    ranges: [[{ subnet: layout.podRange }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const plugins = [
    { type: "ptp", ipam },
    { type: "portmap", capabilities: { portMappings: true } },
  ];
  return JSON.stringify({ cniVersion: "0.4.0", name: "sandbox", plugins }, undefined, 2);
}

export async function containerdReady(machine: Machine): Promise<void> {
  const { layout, bin } = machine;
  await until(
    `${layout.name}: containerd`,
    async () => {
      if (!existsSync(layout.socket)) return undefined;
      await runInside(machine, join(bin, "ctr"), ["--address", layout.socket, "version"]);
      return true;
    },
    waitingFor(layout, "containerd"),
  );
}

export async function importImages(machine: Machine, images: Images): Promise<void> {
  const { layout, bin } = machine;
  const done = join(layout.folder, `images.${images.key}`);
  if (existsSync(done)) return;
  const into = ["--address", layout.socket, "--namespace", "k8s.io", "images", "import"];
  await runInside(machine, join(bin, "ctr"), [...into, images.archive]);
  await writeFile(done, stringify(images.names));
}
