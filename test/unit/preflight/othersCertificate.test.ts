// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { PrimarySettings } from "../../../config/settings.ts";
import { PlainError } from "../../../lib/plainError.ts";
import { certificates } from "../../../nats/certificates.ts";
import { checkOthersCertificate } from "../../../preflight/othersCertificate.ts";
import { emptyCluster, untouched, warnings } from "../../harness/fakeClusters.ts";
import { settingsOf } from "../../harness/programValues.ts";

const DAY = 86_400_000;

describe("a certificate of somebody else's", () => {
  const now = Date.UTC(2026, 10, 30);
  const hosts = ["203.0.113.10", "hub.example.org"];
  const settings = (tls: object) => settingsOf("primary", { hosts, tls }) as PrimarySettings;
  const made = (names = hosts, moment = now) => certificates("somebody's", "leafs", names, moment);
  const secretOf = async (names = hosts, moment = now): Promise<Record<string, string>> => {
    const { certificate, key } = await made(names, moment);
    return { "tls.crt": certificate, "tls.key": key };
  };
  const check = (secret: Readonly<Record<string, string>> | undefined, moment = now) => {
    const cluster = { ...emptyCluster, secret: async () => secret };
    return checkOthersCertificate(cluster, settings({ secretName: "own" }), moment);
  };

  it("that fits is taken, without a word", async () => {
    const secret = { ...(await secretOf()), "ca.crt": (await made()).authorities };
    assert.deepEqual(await warnings(() => check(secret)), []);
  });

  it("is not asked for where the program makes its own, or links are plain", async () => {
    await checkOthersCertificate(untouched, settings({}));
    await checkOthersCertificate(untouched, settings({ enabled: false, secretName: "own" }));
  });

  const wrong: readonly (readonly [
    what: string,
    secret: () => Promise<Record<string, string> | undefined>,
    told: RegExp,
  ])[] = [
    ["is not there", async () => undefined, /came no such Secret;/],
    ["has other entries", async () => ({ password: "x" }), /came entries password;/],
    [
      "is none",
      async () => ({ "tls.crt": "x", "tls.key": "y" }),
      /no certificate in PEM; a tls\.key that is no private key/,
    ],
    [
      "has another key",
      async () => ({ ...(await secretOf()), "tls.key": (await secretOf(hosts, now + 800 * DAY))["tls.key"] ?? "" }),
      /came a tls\.key of another certificate;/,
    ],
    [
      "is for another name",
      () => secretOf(["203.0.113.10"]),
      /came no hub\.example\.org among its names \(IP Address:203\.0\.113\.10\);/,
    ],
    [
      "a CA has signed that edges are not told of",
      async () => ({
        ...(await secretOf()),
        "ca.crt": (await certificates("another's", "leafs", hosts, now)).authorities,
      }),
      /came a certificate that no CA of its ca\.crt has signed;/,
    ],
    ["has expired", () => secretOf(hosts, now - 2300 * DAY), /came a certificate that expired at /],
    ["is not valid yet", () => secretOf(hosts, now + 800 * DAY), /came a certificate that is valid from /],
  ];
  for (const [what, secret, told] of wrong) {
    it(`that ${what} is refused, before anything is changed`, async () => {
      const given = await secret();
      await assert.rejects(check(given), (error: Error) => {
        assert.ok(error instanceof PlainError);
        assert.match(
          error.message,
          /^ops-nats:tls\.secretName: expected Secret own in namespace ops-system [^\n]*nothing was changed; next: [^\n]*$/,
        );
        assert.match(error.message, told);
        assert.ok(!error.message.includes("PRIVATE KEY"));
        return true;
      });
    });
  }

  it("that ends soon is warned of", async () => {
    const secret = await secretOf();
    const end = Date.parse(new X509Certificate(secret["tls.crt"] ?? "").validTo);
    assert.match((await warnings(() => check(secret, end - 5 * DAY))).join(), /own expires in [45] days/);
    assert.deepEqual(await warnings(() => check(secret, end - 15 * DAY)), [], "cert-manager has weeks of its own");
  });
});
