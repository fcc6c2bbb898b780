// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { certificates, EPOCHS } from "../../../nats/certificates.ts";

const DAY = 86_400_000;
const NAMES = ["203.0.113.10", "hub.example.org", "2001:db8::1"];
/** The certificates of a bundle. */
const all = (pem: string) => pem.split(/(?<=-----END CERTIFICATE-----\n)/).map((one) => new X509Certificate(one));
const covers = (one: X509Certificate, day: number) => Date.parse(one.validFrom) <= day && day < Date.parse(one.validTo);

// Whether servers take them, and each other by them, is judged by servers: test/conformance/tls.test.ts.
describe("certificates", () => {
  const now = Date.UTC(2026, 10, 30);

  it("are valid for the names, signed by the first of the authorities, and fit their key", async () => {
    const { certificate, key, authorities } = await certificates("root", "leafs", NAMES, now);
    const shown = new X509Certificate(certificate);
    const [signer, next, ...more] = all(authorities);
    assert.ok(signer && next && more.length === 0);
    assert.ok(shown.verify(signer.publicKey) && shown.checkIssued(signer) && !shown.verify(next.publicKey));
    assert.ok(shown.checkPrivateKey(createPrivateKey(key)));
    assert.deepEqual(
      [shown.checkIP("203.0.113.10"), shown.checkHost("hub.example.org"), shown.checkIP("2001:db8::1")].map(Boolean),
      [true, true, true],
    );
    assert.equal(shown.checkHost("other.example.org"), undefined);
    const { certificate: mapped } = await certificates("root", "leafs", ["64:ff9b::192.0.2.33"], now);
    assert.ok(new X509Certificate(mapped).checkIP("64:ff9b::c000:221"), new X509Certificate(mapped).subjectAltName);
    assert.deepEqual([shown.ca, signer.ca, next.ca], [false, true, true]);
    assert.deepEqual(shown.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  });

  it("of routes serve at both ends of a connection, and another CA has signed them", async () => {
    const [leafs, routes] = [
      await certificates("root", "leafs", NAMES, now),
      await certificates("root", "routes", NAMES, now),
    ];
    assert.deepEqual(new X509Certificate(routes.certificate).keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    for (const other of all(leafs.authorities)) {
      assert.ok(!new X509Certificate(routes.certificate).verify(other.publicKey));
    }
  });

  it("of routes are known to who shows the former one, and to who shows the next", async () => {
    const boundary = Math.ceil(now / (EPOCHS.authority.renewed * DAY)) * EPOCHS.authority.renewed * DAY;
    const [former, next] = [
      await certificates("root", "routes", NAMES, boundary - 1),
      await certificates("root", "routes", NAMES, boundary),
    ];
    for (const [one, other] of [
      [former, next],
      [next, former],
    ] as const) {
      const shown = new X509Certificate(one.certificate);
      assert.ok(all(other.authorities).some((ca) => shown.verify(ca.publicKey)));
    }
  });

  it("are the same byte for byte, until their time comes", async () => {
    const first = await certificates("root", "leafs", NAMES, now);
    assert.deepEqual(await certificates("root", "leafs", NAMES, now + DAY), first);
    assert.notEqual((await certificates("other", "leafs", NAMES, now)).certificate, first.certificate);
    assert.notEqual((await certificates("root", "leafs", NAMES.slice(1), now)).certificate, first.certificate);
    const changes = new Set<string>();
    for (let day = 0; day < 4 * EPOCHS.authority.renewed; day += 146) {
      changes.add((await certificates("root", "leafs", NAMES, now + day * DAY)).certificate);
    }
    assert.equal(changes.size, 9);
  });

  it("always have two years to go, and are known to who was given authorities up to four years before", async () => {
    for (let day = 0; day < 3 * EPOCHS.authority.renewed; day += 146) {
      const moment = now + day * DAY;
      const { certificate, authorities } = await certificates("root", "leafs", NAMES, moment);
      const shown = new X509Certificate(certificate);
      assert.ok(covers(shown, moment) && covers(shown, moment + 729 * DAY), `day ${day}`);
      // clocks that are behind
      assert.ok(covers(shown, moment - DAY), `day ${day}`);
      for (const given of [authorities, (await certificates("root", "leafs", [], moment - 1459 * DAY)).authorities]) {
        const known = all(given).find((one) => shown.verify(one.publicKey)) ?? assert.fail(`nobody on day ${day}`);
        assert.ok(covers(known, moment) && covers(known, Date.parse(shown.validTo) - 1), `day ${day}`);
      }
    }
  });
});
