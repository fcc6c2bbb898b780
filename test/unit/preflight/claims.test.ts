// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { Claim } from "../../../config/settings.ts";
import type { ClaimTemplate, Cluster, Owner, RunningServers, WantedServers } from "../../../kubernetes/port.ts";
import {
  checkFileLimit,
  refuseMove,
  refuseOtherClaims,
  refuseOtherServers,
  tellSmallClaims,
} from "../../../preflight/claims.ts";
import { emptyCluster, ID, place, unreachable, untouched, warnings } from "../../harness/fakeClusters.ts";
import { mockEngine } from "../../harness/mocks.ts";

const image = "nats:2.15.3-alpine";
const wanted = (more: Omit<WantedServers, "tag" | "streams">): WantedServers => ({
  ...{ tag: "2.15.3-alpine", streams: more.claim !== undefined },
  ...more,
});

describe("what servers have stored", () => {
  const moved = (cluster: Cluster) => ({ ...place(cluster), id: ID, edge: "edge-1", lastNamespace: undefined });

  it("cannot be looked for: an error, and nothing is changed", async () => {
    const { far, asked } = unreachable();
    const servers = wanted({ replicas: 1, claim: { size: "1Gi", storageClass: undefined }, fileLimit: "1Gi" });
    const failed = { message: /ECONNREFUSED/ };
    await assert.rejects(refuseMove(moved(far)), failed);
    await assert.rejects(refuseOtherServers(place(far), servers), failed);
    await assert.rejects(refuseOtherClaims(place(far), servers), failed);
    await assert.rejects(tellSmallClaims(place(far), servers), failed);
    const claims = "claims events nats";
    assert.deepEqual(asked, [`namespaces ops-nats-auth ${ID}`, "runningServers events nats", claims, claims]);
  });

  describe("another place", () => {
    /** Servers of the stack in a namespace, with claims. */
    const stored = (namespace: string, owner: Partial<Owner> = {}): Cluster => ({
      ...emptyCluster,
      namespaces: async () => [namespace],
      owner: async (asked) =>
        asked === namespace ? { id: ID, stack: "any", edge: "edge-1", release: "nats", ...owner } : undefined,
      claims: async (asked, release) =>
        asked === namespace && release === (owner.release ?? "nats") ? [{ name: "nats-js-nats-0", size: "2Gi" }] : [],
    });
    const back = (key: string, value: string) =>
      new RegExp(
        `^ops-nats:${key}: expected ${value}, [^\\n]*nats-js-nats-0 of 2Gi\\); came [^\\n]*nothing was changed; next: pulumi config set ops-nats:${key} ${value} -s edge-1, or, to begin anew `,
      );

    it("that is the stack's own, or without claims, or before the first up: goes on", async () => {
      await refuseMove(moved(stored("events")));
      await refuseMove(moved(emptyCluster));
      await refuseMove({ ...moved(stored("ops-system")), id: undefined });
      await refuseMove(moved({ ...stored("ops-system"), claims: async () => [] }));
      await refuseMove(moved(stored("ops-system", { id: "another" })));
    });

    for (const [key, cluster, former] of [
      ["namespace", stored("ops-system"), "ops-system"],
      ["release", stored("events", { release: "former" }), "former"],
      ["edge", stored("events", { edge: "edge-9" }), "edge-9"],
    ] as const) {
      it(`by its ${key}, in place of one in which this stack has stored: one line with the way back, and the other`, async () => {
        await assert.rejects(refuseMove(moved(cluster)), { message: back(key, former) });
      });
    }

    it("on claims that another edge has left: one line, also before the first up", async () => {
      const claims = async () => [{ name: "nats-js-nats-0", size: "2Gi", edge: "edge-2" }];
      const left: Cluster = { ...emptyCluster, claims };
      for (const id of [ID, undefined]) {
        await assert.rejects(refuseMove({ ...moved(left), id }), {
          message:
            /^ops-nats:edge: expected edge-2, whose events .*nats-js-nats-0 of 2Gi\); came edge-1, .*nothing was changed; .*delete pvc nats-js-nats-0; then pulumi up -s edge-1$/,
        });
      }
      await refuseMove({ ...moved(left), edge: "edge-2" });
    });

    it("that has claims of a former time: they are named among what goes", async () => {
      const both: Cluster = { ...stored("ops-system"), claims: async () => [{ name: "nats-js-nats-0", size: "2Gi" }] };
      await assert.rejects(refuseMove(moved(both)), {
        message:
          /, pulumi destroy -s edge-1, then kubectl -n ops-system delete pvc [^,]*, then kubectl -n events delete pvc [^,]*, then pulumi up -s edge-1;/,
      });
    });

    it("is looked for where the last up was, by the state; else in all namespaces, or in none but its own", async () => {
      const narrow: Cluster = {
        ...stored("ops-system"),
        namespaces: () => Promise.reject(new Error("list secrets in all namespaces; came: forbidden")),
      };
      await assert.rejects(refuseMove({ ...moved(narrow), lastNamespace: "ops-system" }), {
        message: back("namespace", "ops-system"),
      });
      await refuseMove(moved(narrow));
    });
  });

  it("of servers that may store less than its streams may hold: one line with the way", () => {
    const check = (size: string | undefined, fileLimit: string | undefined, role: "primary" | "edge" = "edge") =>
      checkFileLimit({ stack: "organization/ops-nats/edge-1" }, role, size, {
        fileLimit,
        limitKey: "values.config.jetstream.fileStore.maxSize",
      });
    check("4Gi", "4Gi");
    check("4Gi", "8Gi");
    check("10Gi", "7.5Gi", "primary");
    check("4Gi", "1 gigabyte"); // what that is, the server knows
    check(undefined, "1Gi");
    check("4Gi", undefined);
    assert.throws(() => check("10Gi", "7.3Gi", "primary"), /came 7\.3Gi/);
    assert.throws(() => check("10Gi", "4Gi"), {
      message:
        /^ops-nats:values\.config\.jetstream\.fileStore\.maxSize: expected 8589934592 or more, [^\n]* 10Gi; came 4Gi; next: pulumi config rm --path 'ops-nats:values\.config\.jetstream\.fileStore\.maxSize' -s edge-1 \(where Pulumi\.edge\.yaml has it: edit that\), then pulumi up -s edge-1$/,
    });
  });

  describe("claims of servers that run", () => {
    const claim = (size: string, storageClass?: string): Claim => ({ size, storageClass });
    const check = (now: ClaimTemplate | undefined, then: Claim | undefined, from = 3, to = 3) =>
      refuseOtherServers(
        place({
          ...untouched,
          runningServers: async () => ({ replicas: from, claim: now, image }),
          claims: async () => [],
        }),
        wanted({ replicas: to, claim: then, fileLimit: then?.size }),
      );

    it("that are as wanted: goes on; where nothing runs, too", async () => {
      await check(undefined, undefined);
      await check(claim("1Gi"), claim("1024Mi"));
      await check(claim("1Gi", "fast"), claim("1Gi", "fast"));
      await check(claim("1.5Gi"), claim("1.5Gi"));
      const none = { ...untouched, runningServers: async () => undefined, claims: async () => [] };
      await refuseOtherServers(place(none), wanted({ replicas: 3, claim: claim("1Gi"), fileLimit: "1Gi" }));
    });

    describe("of servers that are gone, which new ones would take", () => {
      const claims = (sizes: readonly string[]) =>
        sizes.map((size, i) => ({ name: `nats-js-nats-${i}`, size, edge: "edge-1" }));
      const take = (sizes: readonly string[], size: string, fileLimit = size, replicas = 3) => {
        const left = { ...untouched, runningServers: async () => undefined, claims: async () => claims(sizes) };
        return refuseOtherServers(place(left), wanted({ replicas, claim: claim(size), fileLimit }));
      };

      it("and of the size that is wanted, or larger and within what servers may store: goes on", async () => {
        await take(["4Gi", "4096Mi"], "4Gi");
        await take(["4Gi", "4Gi", "1Gi"], "1Gi", "4Gi");
        await take(["10Gi", "10Gi", "10Gi"], "10Gi", "9Gi");
        await take(["4294967296", "4Gi", "4Gi"], "4Gi", "4Gi", 5);
        await take([], "1Gi");
        await take(["1Gi"], "1Gi", "1Gi", 1);
      });

      it("and that this program has not made, as the guide's: one line with both ways", async () => {
        const guides = {
          ...untouched,
          runningServers: async () => undefined,
          claims: async () => [{ name: "nats-js-nats-0", size: "1Gi" }],
        };
        await assert.rejects(
          refuseOtherServers(place(guides), wanted({ replicas: 1, claim: claim("1Gi"), fileLimit: "1Gi" })),
          /^(Plain|Run)?Error: claims in namespace events: .*came others \(nats-js-nats-0 of 1Gi\).*next: save what is needed of them, then kubectl -n events delete pvc nats-js-nats-0; or, .*annotate pvc nats-js-nats-0 ops-nats\/edge=.*; then pulumi up -s edge-1$/,
        );
        await refuseOtherServers(place(guides), wanted({ replicas: 1, claim: undefined, fileLimit: undefined })); // without persistence nobody takes them
      });

      it("and larger: one line with the way, for streams cannot shrink then", async () => {
        await assert.rejects(take(["2Gi", "4Gi", "1Gi"], "1Gi"), (error: Error) => {
          assert.match(
            error.message,
            /^ops-nats:persistence.size: expected 4Gi or more.*nats-js-nats-0 of 2Gi, nats-js-nats-1 of 4Gi\).*came 1Gi.*next: pulumi config set --path 'ops-nats:values.config.jetstream.fileStore.maxSize' 4Gi -s edge-1 until.*delete pvc nats-js-nats-0 nats-js-nats-1 nats-js-nats-2; then pulumi up -s edge-1;/,
          );
          return !error.message.includes("\n");
        });
      });

      it("and of another number of servers, unless they become more of a cluster: one line with the way", async () => {
        const sizes = (servers: number) => Array<string>(servers).fill("1Gi");
        for (const [from, to, expected] of [
          [1, 3, "1,"],
          [3, 1, "3 or more,"],
          [2, 1, "3 or more,"],
          [5, 3, "5 or more,"],
        ] as const) {
          await assert.rejects(take(sizes(from), "1Gi", "1Gi", to), (error: Error) => {
            assert.ok(error.message.startsWith(`ops-nats:replicas: expected ${expected} for claims`), error.message);
            const [servers] = expected.split(/[ ,]/);
            assert.match(
              error.message,
              new RegExp(
                `; came ${to}, .*; next: pulumi config set ops-nats:replicas ${servers} -s edge-1, or, .*delete pvc nats-js-nats-0`,
              ),
            );
            return !error.message.includes("\n");
          });
        }
        await take(sizes(3), "1Gi", "1Gi", 5);
        await take(sizes(2), "1Gi", "1Gi", 3); // the third's was lost
      });

      it("and of which only one is left: its number tells of how many it was", async () => {
        const one = (name: string, replicas: number) =>
          refuseOtherClaims(
            place({ ...untouched, claims: async () => [{ name, size: "1Gi", edge: "edge-1" }] }),
            wanted({ replicas, claim: claim("1Gi"), fileLimit: "1Gi" }),
          );
        await one("nats-js-nats-1", 3);
        await assert.rejects(one("nats-js-nats-1", 1), /replicas: expected 3 or more,/);
        await assert.rejects(one("nats-js-nats-4", 3), /replicas: expected 5 or more,/);
      });

      it("and smaller: a warning that names them", async () => {
        await mockEngine("primary");
        const left = { ...untouched, claims: async () => claims(["1Gi", "4Gi"]) };
        const [text] = await warnings(() =>
          tellSmallClaims(place(left), wanted({ replicas: 3, claim: claim("4Gi"), fileLimit: "4Gi" })),
        );
        assert.match(text ?? "", /^claims are smaller than persistence.size, 4Gi: nats-js-nats-0 of 1Gi; unless/);
      });
    });

    it("keep what they have: their number may grow in a cluster, and change freely without claims", async () => {
      await check(claim("1Gi"), claim("1Gi"), 3, 5);
      await check(undefined, undefined, 1, 3);
      await check(undefined, undefined, 3, 1);
      for (const [from, to, expected] of [
        [1, 3, "1,"],
        [3, 1, "3 or more,"],
        [5, 3, "5 or more,"],
      ] as const) {
        await assert.rejects(check(claim("1Gi"), claim("1Gi"), from, to), (error: Error) => {
          assert.ok(error.message.startsWith(`ops-nats:replicas: expected ${expected} as the servers`), error.message);
          const back = `next: pulumi config set ops-nats:replicas ${from} -s edge-1, or, to begin anew with ${to} `;
          const anew = `pulumi destroy -s edge-1, then kubectl -n events delete pvc -l app.kubernetes.io/instance=nats, then pulumi up -s edge-1; docs/operations/changing-persistence.md`;
          return error.message.includes(back) && error.message.includes(anew);
        });
      }
    });

    it("of another number and of other claims: the number is told first, for a set made anew would be refused for it", async () => {
      await assert.rejects(
        check(claim("2Gi"), claim("4Gi"), 3, 1),
        /^(Plain|Run)?Error: ops-nats:replicas: expected 3 or more,/,
      );
      await assert.rejects(
        check(claim("2Gi"), undefined, 3, 1),
        /^(Plain|Run)?Error: ops-nats:persistence: .*came no claim/,
      );
      await assert.rejects(
        check(undefined, claim("2Gi"), 3, 1),
        /^(Plain|Run)?Error: ops-nats:persistence: .*came a claim of 2Gi/,
      );
    });

    describe("moved across the floor of persistence", () => {
      const move = (from: string, to: string, more: Partial<RunningServers & WantedServers> = {}) => {
        const { claim: now = claim("1Gi") as ClaimTemplate, streams = true } = more;
        const running = { replicas: 3, claim: "claim" in more ? more.claim : now, image: from };
        const then = { ...wanted({ replicas: 3, claim: now, fileLimit: now.size }), tag: to, streams };
        return refuseOtherServers(
          place({ ...untouched, runningServers: async () => running, claims: async () => [] }),
          {
            ...then,
            ...("claim" in more ? { claim: more.claim } : {}),
          },
        );
      };
      const down =
        /^ops-nats:images\.nats\.tag: expected a nats tag of 2\.15\.3 or later[^\n]*; came 2\.10\.20-alpine, and what edges still hold would be stored twice[^\n]*; next: pulumi config set --path 'ops-nats:images\.nats\.tag' 2\.15\.3-alpine -s edge-1 [^\n]*values\.container\.image\.tag[^\n]* pulumi up -s edge-1; docs\/operations\/changing-persistence\.md [^\n]*$/;

      it("down: one line that names the setting, the harm and the way back", async () => {
        await assert.rejects(move("registry:5000/nats:2.15.3-alpine@sha256:01", "2.10.20-alpine"), { message: down });
        await assert.rejects(move("nats", "2.15.2-alpine"), /next: pulumi config set --path \S+ 2\.15\.3-alpine /);
      });

      it("down with persistence switched off in the same step: this is told first", async () => {
        const off = wanted({ replicas: 3, claim: undefined, fileLimit: undefined });
        const running = { replicas: 3, claim: claim("1Gi") as ClaimTemplate, image: "nats:2.15.3-alpine" };
        const cluster = { ...untouched, runningServers: async () => running };
        await assert.rejects(refuseOtherServers(place(cluster), { ...off, tag: "2.10.20-alpine" }), {
          message: down,
        });
        await assert.rejects(refuseOtherServers(place(cluster), off), /persistence: expected a claim of 1Gi/);
      });

      it("up, which only servers changed by hand are: one line with what runs and the way", async () => {
        await assert.rejects(move("mirror:5000/nats:2.10.20-alpine", "2.15.3-alpine"), {
          message:
            /^StatefulSet nats in namespace events: expected a nats tag of 2\.15\.3 or later[^\n]*; came mirror:5000\/nats:2\.10\.20-alpine[^\n]* twice[^\n]*; next: [^\n]*kubectl -n events set image statefulset\/nats nats=mirror:5000\/nats:2\.15\.3-alpine, then pulumi up -s edge-1; docs\/operations\/changing-persistence\.md [^\n]*$/,
        });
      });

      it("not at all, without claims, with streams that are none of ours, or to what names no version: goes on", async () => {
        await move("nats:2.15.3-alpine", "2.16.0-alpine");
        await move("nats:2.10.20-alpine", "2.12.15-alpine", { streams: false });
        await move("nats:2.10.20-alpine", "2.15.3-alpine", { streams: false });
        await move("nats:2.15.3-alpine", "latest");
        await move("nats:2.15.3-alpine", "2.10.20-alpine", { claim: undefined });
      });
    });

    it("scaled by hand: their claims tell of how many they were", async () => {
      const scaled = (now: number, replicas: number, left = 3) =>
        refuseOtherServers(
          place({
            ...untouched,
            runningServers: async () => ({ replicas: now, claim: claim("1Gi") as ClaimTemplate, image }),
            claims: async () => Array.from({ length: left }, (_, i) => ({ name: `nats-js-nats-${i}`, size: "1Gi" })),
          }),
          wanted({ replicas, claim: claim("1Gi"), fileLimit: "1Gi" }),
        );
      for (const now of [0, 1, 2]) await scaled(now, 3);
      await scaled(0, 1, 0);
      for (const now of [0, 2])
        await assert.rejects(scaled(now, 1), /replicas: expected 3 or more, .*replicas 3 -s edge-1/);
      await assert.rejects(scaled(3, 4, 5), /replicas: expected 5 or more, /);
    });

    it("switched on where claims of another number of servers are left: that is told, for a set made anew would be refused", async () => {
      const left = {
        ...untouched,
        runningServers: async () => ({ replicas: 1, claim: undefined, image }),
        claims: async () => [{ name: "nats-js-nats-2", size: "1Gi", edge: "edge-1" }],
      };
      const on = (replicas: number) =>
        refuseOtherServers(place(left), wanted({ replicas, claim: claim("1Gi"), fileLimit: "1Gi" }));
      await assert.rejects(on(1), /^Error: ops-nats:replicas: expected 3 or more, for claims that are left/);
      await assert.rejects(on(3), /^Error: ops-nats:persistence: expected no claim/);
    });

    for (const [what, now, wanted, pattern] of [
      ["switched on", undefined, claim("1Gi"), /expected no claim for each server.*came a claim of 1Gi/],
      ["switched off", claim("1Gi"), undefined, /expected a claim of 1Gi.*came no claim/],
      ["of another size", claim("1Gi"), claim("2Gi"), /expected a claim of 1Gi.*came a claim of 2Gi.*next: expand/],
      [
        "of a smaller one",
        claim("4Gi"),
        claim("2Gi"),
        /of 4Gi.*came a claim of 2Gi.*next: pulumi config .*maxSize' 4Gi/,
      ],
      [
        "of a class where none was named",
        claim("1Gi"),
        claim("1Gi", "b"),
        /expected a claim of 1Gi for.*came a claim of 1Gi b/,
      ],
      ["of another class", claim("1Gi", "a"), claim("1Gi", "b"), /expected a claim of 1Gi a.*came a claim of 1Gi b/],
    ] as const) {
      it(`${what}: one line with the way`, async () => {
        await assert.rejects(check(now, wanted), (error: Error) => {
          assert.match(error.message, pattern);
          assert.match(
            error.message,
            /nothing was changed; next: (pulumi config set --path [^;]* 4Gi -s edge-1 \(streams have to shrink before their disks\); )?(expand the claims, or make new ones; then )?kubectl -n events delete statefulset nats --cascade=foreground .*then pulumi up -s edge-1;/,
          );
          return !error.message.includes("\n");
        });
      });
    }
  });
});
