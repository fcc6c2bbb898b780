// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { layoutOf } from "./cluster/layout.ts";
import type { Kubectl } from "./kubectl.ts";
import { besideProxy } from "./proxy.ts";
import type { Toolchain } from "./toolchain/toolchain.ts";

const GUIDE = { nats: "2.10.20-alpine", box: "0.14.5", reloader: "0.15.1" };

/** The official chart, as helm takes it. */
export const OFFICIAL = ["nats", "--repo", "https://nats-io.github.io/k8s/helm/charts/", "--version", "1.2.4"];

/** What the guide needs by hand. */
export interface Hands {
  readonly tools: Toolchain;
  /** As helm takes it: a path, or a name and where it is found. */
  readonly chart: readonly string[];
  readonly folder: string;
  readonly at: { readonly primary: Kubectl; readonly edge: Kubectl };
}

/** The guide: two values files, helm install, kubectl patch, helm install, wait for the servers. */
export async function installByGuide(b: Hands): Promise<void> {
  const image = (tag: string, repository: string) => ({ image: { repository, tag } });
  const shared = {
    container: image(GUIDE.nats, "nats"),
    natsBox: { container: image(GUIDE.box, "natsio/nats-box") },
    reloader: { enabled: true, ...image(GUIDE.reloader, "natsio/nats-server-config-reloader") },
  };
  const login = { user: "leafuser", password: "leafpassword" };
  const sys = { accounts: { SYS: { users: [{ user: "admin", password: "adminpassword" }] } }, system_account: "SYS" };
  const atPrimary = {
    config: { cluster: { enabled: true }, leafnodes: { enabled: true, merge: { authorization: login } }, merge: sys },
    ...shared,
  };
  const url = `nats://leafuser:leafpassword@${layoutOf("primary").address}:32222`;
  const atEdge = { config: { leafnodes: { enabled: true, merge: { remotes: [{ urls: [url] }] } } }, ...shared };
  const install = async (kubectl: Kubectl, name: string, values: object) => {
    const file = join(b.folder, `${name}.yaml`);
    await writeFile(file, stringify(values));
    await execa(
      b.tools.program("helm"),
      ["install", "nats", ...b.chart, "-f", file, "-n", "ops-system", "--kubeconfig", kubectl.kubeconfig],
      { env: besideProxy() },
    );
  };
  const ports = [
    { port: 4222, nodePort: 32223, targetPort: "nats" },
    { port: 7422, nodePort: 32222, targetPort: "leafnodes" },
  ];
  await install(b.at.primary, "primary", atPrimary);
  await b.at.primary.run(["patch", "svc", "nats", "-p", JSON.stringify({ spec: { type: "NodePort", ports } })]);
  await install(b.at.edge, "edge", atEdge);
  for (const k of [b.at.primary, b.at.edge]) {
    await k.run(["rollout", "status", "statefulset/nats", "--timeout", "180s"], { timeout: 200_000 });
  }
}

/** Takes away what the guide installed. */
export async function uninstallByGuide(b: Hands): Promise<void> {
  for (const { kubeconfig } of [b.at.edge, b.at.primary]) {
    const where = ["-n", "ops-system", "--kubeconfig", kubeconfig];
    await execa(b.tools.program("helm"), ["uninstall", "nats", ...where, "--wait"], { env: besideProxy() });
  }
}
