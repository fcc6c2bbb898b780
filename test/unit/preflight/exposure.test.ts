// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import type { PrimarySettings } from "../../../config/settings.ts";
import { exposures } from "../../../preflight/exposure.ts";
import { settingsOf } from "../../harness/programValues.ts";
import { hosts } from "../../harness/source.ts";

const of = (keys: object, stack = "hq") =>
  exposures(settingsOf("primary", { hosts, ...keys }) as PrimarySettings, stack);

describe("what a primary exposes", () => {
  const service = (type: string) => ({ service: { merge: { spec: { type } } } });

  it("is nothing by default, nor by a Service inside the cluster", () => {
    assert.deepEqual(of({}), []);
    assert.deepEqual(
      exposures({ ...settingsOf("primary", { hosts }), values: service("ClusterIP") } as PrimarySettings, "hq"),
      [],
    );
  });

  it("is, by a client port, passwords and events; with the commands that close it", () => {
    const [text = "", ...more] = of({ clientPort: 32223 });
    assert.equal(more.length, 0);
    assert.match(text, /^ops-nats:clientPort 32223: [^\n]*plain text[^\n]*passwords of app and admin/);
    assert.match(text, /pulumi config rm ops-nats:clientPort -s hq, then pulumi up -s hq$/);
  });

  for (const type of ["NodePort", "LoadBalancer"]) {
    it(`is the same by a Service of type ${type} that values ask for`, () => {
      const [text = ""] = of({ values: service(type) });
      assert.ok(text.startsWith(`ops-nats:values.service.merge.spec.type ${type}: `), text);
      assert.match(text, /pulumi config rm --path 'ops-nats:values\.service\.merge\.spec\.type' -s hq/);
    });
  }

  it("is, by plain links, what edges say; with the way back", () => {
    const [text = "", ...more] = of({ tls: { enabled: false } });
    assert.equal(more.length, 0);
    assert.match(
      text,
      /^ops-nats:tls\.enabled false: [^\n]*plain text[^\n]*pulumi config rm --path 'ops-nats:tls\.enabled' -s hq/,
    );
  });
});
