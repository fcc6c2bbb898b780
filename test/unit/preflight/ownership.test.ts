// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Cluster, HelmRecord, OwnedKind, Owner } from "../../../kubernetes/port.ts";
import { assertOurs, assertSameCluster, ownNames } from "../../../preflight/ownership.ts";
import { emptyCluster, ID, place, unreachable } from "../../harness/fakeClusters.ts";

const OTHER = { id: "fedcba9876543210", stack: "organization/ops-nats/edge-2" };

const ALL = { certificate: "nats-leafs-tls", streams: true };

describe("what is in a namespace", () => {
  const holding = (objects: Record<string, Owner>, records: HelmRecord[] = []): Cluster => ({
    ...emptyCluster,
    owner: async (_, kind: OwnedKind, name) => objects[`${kind} ${name}`],
    helmRecords: async () => records,
  });
  const record = (owner: Owner | undefined, status = "deployed", revision = 1): HelmRecord => ({
    ...{ name: `sh.helm.release.v1.nats.v${revision}`, status, revision, description: "", owner },
  });
  const check = (cluster: Cluster, id: string | undefined = ID) => assertOurs({ ...place(cluster), id, ...ALL });
  const secret = "Secret ops-nats-auth";

  it("is asked for what a stack makes: an edge that keeps no streams may not see what others take turns by", () => {
    const names = (streams: boolean) => ownNames({ release: "nats", streams }).map(([kind]) => kind);
    const turn = ["ServiceAccount", "Lease", "Role", "RoleBinding"] as const;
    assert.deepEqual(
      turn.map((kind) => [names(false).includes(kind), names(true).includes(kind)]),
      turn.map(() => [false, true]),
    );
  });

  it("nothing, or the stack's own: goes on", async () => {
    await check(emptyCluster);
    await check(emptyCluster, undefined);
    const own = { id: ID, stack: "organization/ops-nats/a-former-name" };
    const all = Object.fromEntries(
      ownNames({ release: "nats", streams: true }).map(([kind, name]) => [`${kind} ${name}`, own]),
    );
    await check(holding(all, [record(own, "pending-upgrade")]));
  });

  for (const [kind, name] of ownNames({ release: "nats", ...ALL })) {
    it(`a ${kind} ${name} of another stack: is refused before anything is changed, and nothing harmful is advised`, async () => {
      for (const id of [ID, undefined]) {
        await assert.rejects(check(holding({ [`${kind} ${name}`]: OTHER }), id), (error: Error) => {
          assert.match(
            error.message,
            new RegExp(
              `^namespace events of the cluster \\(context edge-1, https://[^)]*\\): expected nothing there, or what organization/ops-nats/edge-1 has made; came ${kind} ${name}, made by organization/ops-nats/edge-2; nothing was changed; next: `,
            ),
          );
          assert.match(error.message, /pulumi config set kubernetes:context <context> -s edge-1; or, /);
          assert.doesNotMatch(error.message, /uninstall|delete|adopt|\n/);
          return true;
        });
      }
    });
  }

  it("a Secret of the same name that nobody marked, and a release of the guide's: both are told", async () => {
    const guide = holding({ [secret]: { id: undefined, stack: undefined } }, [record(undefined, "deployed", 3)]);
    await assert.rejects(check(guide), {
      message:
        /came Secret ops-nats-auth, made by somebody else \(not by ops-nats\); Helm release nats \(deployed\), made by somebody else .*next: another namespace: pulumi config set ops-nats:namespace <name> -s edge-1; or, .*pulumi config set ops-nats:release ops-nats -s edge-1; or, .*docs\/guides\/from-the-guide\.md/,
    });
  });

  it("a revision that somebody made by hand of the stack's own release: the way back, not another name", async () => {
    const own = { id: ID, stack: "organization/ops-nats/edge-1" };
    const all = Object.fromEntries(
      ownNames({ release: "nats", streams: true }).map(([kind, name]) => [`${kind} ${name}`, own]),
    );
    // the set of servers loses its mark with the values, too
    const unmarked = { ...all, "StatefulSet nats": { id: undefined, stack: undefined } };
    const byHand = holding(unmarked, [record(own, "superseded", 1), record(undefined, "deployed", 2)]);
    await assert.rejects(check(byHand), {
      message:
        /^Helm release nats in namespace events .*; came revision 2, made by hand; .*helm rollback nats 1 -n events, then pulumi up -s edge-1$/,
    });
    await check(
      holding(all, [record(own, "superseded", 1), record(undefined, "superseded", 2), record(own, "deployed", 3)]),
    );
  });

  it("that of this very stack whose state was lost: the way to take it over", async () => {
    const lost = { id: "fedcba9876543210", stack: "organization/ops-nats/edge-1" };
    await assert.rejects(check(holding({ [secret]: lost }), undefined), {
      message: /where the state of this stack was lost: pulumi config set ops-nats:adopt fedcba9876543210 -s edge-1 /,
    });
  });

  it("cannot be seen: an error", async () => {
    await assert.rejects(check(unreachable().far), /ECONNREFUSED/);
  });
});

describe("the cluster of a stack", () => {
  const check = (remembered: object, seen: object) => assertSameCluster(emptyCluster, { remembered, seen });

  it("is known by its UID, whatever its CA; by its CA where the UID is not told", async () => {
    await check({ uid: "a", ca: "x" }, { uid: "a", ca: "y" });
    await check({ uid: "a", ca: "x" }, { ca: "x" });
    await check({ ca: "x" }, { uid: "a", ca: "x" });
  });

  for (const [what, remembered, seen] of [
    ["UID", { uid: "a", ca: "x" }, { uid: "b", ca: "x" }],
    ["CA", { ca: "x" }, { ca: "y" }],
  ] as const) {
    it(`that is another by its ${what}: one line with both ways on`, async () => {
      await assert.rejects(check(remembered, seen), {
        message:
          /^cluster \(context edge-1, [^\n]*; came another [^\n]*; nothing was changed; next: to go back, pulumi config set kubernetes:context <its context> -s edge-1; or, to move, [^\n]*pulumi destroy -s edge-1 [^\n]*pulumi up -s edge-1/,
      });
    });
  }

  it("that does not tell: stops and names the right", async () => {
    await assert.rejects(check({ uid: "a" }, { ca: "x" }), { message: /auth can-i get namespaces\/kube-system/ });
  });
});
