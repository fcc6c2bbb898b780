// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { exposure } from "../components/exposure.ts";

describe("the client port of a primary", () => {
  const service = (type: string) => ({ service: { merge: { spec: { type } } } });

  it("inside the cluster exposes nothing", () => {
    assert.equal(exposure({ clientPort: 0, values: {} }, "primary"), undefined);
    assert.equal(exposure({ clientPort: 0, values: service("ClusterIP") }, "primary"), undefined);
  });

  it("that is open says what is exposed, and the commands that close it", () => {
    const text = exposure({ clientPort: 32223, values: {} }, "hq") ?? "";
    assert.match(text, /^ops-nats:clientPort 32223: [^\n]*plain text[^\n]*passwords of app and admin/);
    assert.match(text, /pulumi config rm ops-nats:clientPort -s hq, then pulumi up -s hq$/);
  });

  for (const type of ["NodePort", "LoadBalancer"]) {
    it(`that values open by a Service of type ${type} says so, too`, () => {
      const text = exposure({ clientPort: 0, values: service(type) }, "hq") ?? "";
      assert.ok(text.startsWith(`ops-nats:values.service.merge.spec.type ${type}: `), text);
      assert.match(text, /pulumi config rm --path 'ops-nats:values\.service\.merge\.spec\.type' -s hq/);
    });
  }
});
