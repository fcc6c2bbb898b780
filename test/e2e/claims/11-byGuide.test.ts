// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { configOf, UP, type World, world } from "../../harness/clusters/world.ts";

describe("a release nats that somebody installed by the guide", () => {
  let w: World;
  before(async () => {
    w = await world();
    await w.ensure("primary", { edges: ["edge-1", "edge-2"] });
    await w.pulumi("edge-2", "cancel", "--yes");
    await w.configure("edge-2");
    await w.destroy("edge-2").catch(() => undefined);
    const { "ops-nats:chart": chart } = (await configOf(w, "edge-2")) as { "ops-nats:chart"?: { path: string } };
    const which = chart ? chart.path : "nats --repo https://nats-io.github.io/k8s/helm/charts/ --version 1.2.4";
    await w.shell(
      "edge-2",
      `helm install nats ${which} -n ops-system --create-namespace --set container.image.tag=2.10.20-alpine,natsBox.container.image.tag=0.14.5`,
    );
  });

  it("is left as it is, with a clear error and a way", async () => {
    const { failed, text } = await w.pulumi("edge-2", ...UP);
    assert.ok(failed);
    const line = /namespace ops-system of the cluster [^\n]*/.exec(text)?.[0] ?? text;
    assert.match(
      line,
      /came StatefulSet nats, made by somebody else \(not by ops-nats\); Helm release nats \(deployed\), made by somebody else .*nothing was changed; next: .*pulumi config set ops-nats:release ops-nats -s edge-2; .*docs\/guides\/from-the-guide\.md/,
    );
    assert.equal(await w.shell("edge-2", "kubectl -n ops-system get secret ops-nats-auth --ignore-not-found"), "");
    assert.match(await w.shell("edge-2", "helm status nats -n ops-system"), /STATUS: deployed/);
  });

  it("the way leads to a stack that works", async () => {
    await w.shell("edge-2", "helm get values nats -n ops-system; helm uninstall nats -n ops-system --wait");
    const { failed, text } = await w.pulumi("edge-2", ...UP);
    assert.ok(!failed, text);
  });
});
