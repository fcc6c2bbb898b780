// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { settingsOf } from "../../harness/programValues.ts";
import { fault, faults, hosts } from "../../harness/source.ts";

describe("faults", () => {
  describe("refuses, naming key, expectation, what came and a command:", () => {
    const cases: [string, string, Record<string, unknown>, RegExp][] = [
      [
        "an unknown key",
        "primary",
        { hosts, host: "x" },
        /^ops-nats:host: expected one of role, namespace, .*next: pulumi config rm 'ops-nats:host'/,
      ],
      [
        "an unknown key deeper down",
        "primary",
        { hosts, images: { nats: { tga: "x" } } },
        /^ops-nats:images.nats.tga: expected no such key/,
      ],
      [
        "a key of the other role",
        "edge-1",
        { hosts },
        /^ops-nats:hosts: expected no such key: it belongs to primary stacks/,
      ],
      [
        "a wrong type",
        "primary",
        { hosts, replicas: "three" },
        /^ops-nats:replicas: expected 1 or more servers.*came "three"; next: pulumi config set 'ops-nats:replicas' 3 -s primary/,
      ],
      [
        "hosts missing",
        "primary",
        {},
        /^ops-nats:hosts: expected .*came nothing; next: pulumi config set --path 'ops-nats:hosts\[0\]' 203.0.113.10 -s primary/,
      ],
      ["hosts empty", "primary", { hosts: [] }, /^ops-nats:hosts: expected at least one/],
      [
        "a host with a port",
        "primary",
        { hosts: ["203.0.113.10:32222"] },
        /^ops-nats:hosts\[0\]: expected .*without scheme and port; came "203.0.113.10:32222"/,
      ],
      ["a host with a scheme", "primary", { hosts: ["nats://a"] }, /^ops-nats:hosts\[0\]/],
      ["a host that is no address", "primary", { hosts: ["203.0.113.256"] }, /^ops-nats:hosts\[0\]/],
      [
        "a port too low",
        "primary",
        { hosts, leafPort: 7422 },
        /^ops-nats:leafPort: expected a NodePort between 30000 and 32767; came 7422/,
      ],
      ["a port too high", "primary", { hosts, clientPort: 32768 }, /^ops-nats:clientPort: expected a NodePort/],
      [
        "persistence with a server below the floor",
        "primary",
        { hosts, persistence: { enabled: true }, images: { nats: { tag: "2.10.20-alpine" } } },
        /^ops-nats:images\.nats\.tag: expected a nats tag of 2\.15\.3 or later, which persistence needs; came "2\.10\.20-alpine"; next: pulumi config set --path 'ops-nats:images\.nats\.tag' 2\.15\.3-alpine -s primary$/,
      ],
      [
        "equal ports",
        "primary",
        { hosts, leafPort: 32223, clientPort: 32223 },
        /^ops-nats:clientPort: expected another port than leafPort; came 32223/,
      ],
      [
        "an edge name that is no label",
        "primary",
        { hosts, edges: ["Edge_1"] },
        /^ops-nats:edges\[0\]: expected an RFC 1123 label/,
      ],
      [
        "an edge name over 40 characters",
        "primary",
        { hosts, edges: ["e".repeat(41)] },
        /^ops-nats:edges\[0\]: expected at most 40 characters/,
      ],
      [
        "an edge called primary",
        "primary",
        { hosts, edges: ["primary"] },
        /^ops-nats:edges\[0\]: expected another name/,
      ],
      [
        "an edge twice",
        "primary",
        { hosts, edges: ["edge-1", { name: "edge-1" }] },
        /^ops-nats:edges\[1\]: expected every edge once; came "edge-1"/,
      ],
      ["a stack name that is no edge name", "Edge_1", {}, /^stack name .*expected an RFC 1123 label.*came "Edge_1"/],
      ["a stack name over 40 characters", "e".repeat(41), {}, /^stack name .*expected at most 40/],
      ...["Default", "a b", "a*", "$SYS", "a..b", ".a", "a.", "ops.>", "", "a\u0001", "x".repeat(64)].map(
        (name): [string, string, Record<string, unknown>, RegExp] => [
          `an accepted name such as ${JSON.stringify(name)}`,
          "edge-1",
          { acceptClusterNames: ["good", name] },
          /^ops-nats:acceptClusterNames\[1\]: expected a name as Ops writes it into subjects .*; next: pulumi config set --path 'ops-nats:acceptClusterNames\[1\]' default -s edge-1/,
        ],
      ),
      [
        "accepted names that are no list",
        "edge-1",
        { acceptClusterNames: "default" },
        /^ops-nats:acceptClusterNames: expected a list of names; came "default"; next: pulumi config rm .* && pulumi config set --path 'ops-nats:acceptClusterNames\[0\]' default/,
      ],
      [
        "an accepted name twice",
        "edge-1",
        { acceptClusterNames: ["default", "default"] },
        /^ops-nats:acceptClusterNames\[1\]: expected every name once; came "default"; next: pulumi config rm --path 'ops-nats:acceptClusterNames\[1\]' -s edge-1/,
      ],
      [
        "an accepted name below another",
        "edge-1",
        { acceptClusterNames: ["prod.eu", "prod"] },
        /^ops-nats:acceptClusterNames\[0\]: expected no name below prod, .*; came "prod.eu"/,
      ],
      [
        "the edge's own name as accepted",
        "edge-1",
        { acceptClusterNames: ["edge-1"] },
        /^ops-nats:acceptClusterNames\[0\]: expected another name than the edge's own, edge-1; came "edge-1"/,
      ],
      [
        "an accepted name at a primary",
        "primary",
        { hosts, acceptClusterNames: ["default"] },
        /^ops-nats:acceptClusterNames: expected no such key: it belongs to edge stacks/,
      ],
      ["a role that is neither", "edge-1", { role: "hub" }, /^ops-nats:role: expected primary or edge; came "hub"/],
      [
        "a chart with path and repository",
        "primary",
        { hosts, chart: { path: "./c", repository: "https://r" } },
        /^ops-nats:chart: expected either/,
      ],
      [
        "a chart path with a version",
        "primary",
        { hosts, chart: { path: "./c", version: "1" } },
        /^ops-nats:chart: expected either/,
      ],
      [
        "subjects that overlap in part",
        "primary",
        {
          hosts,
          edges: [
            { name: "edge-1", publish: ["a.*.c"] },
            { name: "edge-2", publish: ["a.b.*"] },
          ],
        },
        /^ops-nats:edges\[0\].publish: expected a subject that does not partly overlap/,
      ],
      [
        "an amount that nats-server cannot read",
        "primary",
        { hosts, persistence: { enabled: true, size: "1.5Gi" } },
        /^ops-nats:persistence.size: expected a whole number with a unit, such as 10Gi, of at least 1G; came "1.5Gi"/,
      ],
      [
        "a claim too small for a primary's streams",
        "primary",
        { hosts, persistence: { enabled: true, size: "999M" } },
        /^ops-nats:persistence.size: expected .*at least 1G; came "999M"/,
      ],
      [
        "a claim too small for an edge's stream",
        "edge-1",
        { persistence: { size: "499M" } },
        /^ops-nats:persistence.size: expected .*at least 500M; came "499M"/,
      ],
      [
        "an age without a unit",
        "primary",
        { hosts, persistence: { enabled: true, maxAge: "7" } },
        /^ops-nats:persistence.maxAge: expected a whole number of days, hours or minutes, .*; came "7"/,
      ],
      [
        "an age that NATS cannot count",
        "primary",
        { hosts, persistence: { enabled: true, maxAge: "106752d" } },
        /^ops-nats:persistence.maxAge: expected .* of at most 36500d; came "106752d"/,
      ],
      [
        "a subject that servers keep for themselves",
        "primary",
        { hosts, edges: [{ name: "edge-1", publish: ["$JS.>"] }] },
        /^ops-nats:edges\[0\].publish\[0\]: expected a NATS subject .*no token beginning with \$.*; came "\$JS.>"/,
      ],
      [
        "a subject that servers would read as a template",
        "primary",
        { hosts, edges: [{ name: "edge-1", receive: ["{{x}}.y"] }] },
        /^ops-nats:edges\[0\].receive\[0\]: expected a NATS subject .*without \{ and \}.*; came "\{\{x\}\}.y"/,
      ],
      ...[
        ...["$JS.>", "a.$1", "a.$JS.b", "_INBOX.>", "_R_.x", "_GR_.x", "_x", "*.x", ">", "*"],
        ...["a b", "a\u0000", "a.\u007f", "a\u0085", "a\u2028b", "a\u200b", "\ufeffa", "a\u00a0", "a\ud800"],
        ...["a..b", ".a", "a.", "a*", "a.>.b", '"', "{a}", "", "x".repeat(256)],
      ].map((subject): [string, string, Record<string, unknown>, RegExp] => [
        `the subject ${JSON.stringify(subject).slice(0, 20)}`,
        "primary",
        { hosts, edges: [{ name: "edge-1", receive: [subject] }] },
        /^ops-nats:edges\[0\].receive\[0\]: expected a NATS subject/,
      ]),
      ...["up.x", "own.>", "in.edge-1.x", "live.>", "direct.x", "to-in.x"].map(
        (subject): [string, string, Record<string, unknown>, RegExp] => [
          `persistence, and the streams' own subject ${subject}`,
          "primary",
          { hosts, persistence: { enabled: true }, edges: [{ name: "edge-1", publish: [subject] }] },
          /^ops-nats:edges\[0\].publish: expected a subject that begins with none of up, own/,
        ],
      ),
      [
        "an end that is neither",
        "primary",
        { hosts, persistence: { enabled: true, whenFull: "stop" } },
        /^ops-nats:persistence.whenFull: expected keep-newest or keep-oldest; came "stop"/,
      ],
      [
        "persistence on two servers",
        "primary",
        { hosts, replicas: 2, persistence: { enabled: true } },
        /^ops-nats:replicas: expected with persistence one server, or three or more.*; came 2; next: pulumi config set 'ops-nats:replicas' 3/,
      ],
      [
        "persistence, and an edge that is to speak for others",
        "primary",
        { hosts, persistence: { enabled: true }, edges: [{ name: "edge-1", publish: ["ops.clusters.edge-9.>"] }] },
        /^ops-nats:edges\[0\].publish: expected a subject that is not below ops\. .*; came "ops.clusters.edge-9.>"/,
      ],
      [
        "an edge's disk in the primary's words",
        "edge-1",
        { persistence: { enabled: true } },
        /^ops-nats:persistence.enabled: expected no such key/,
      ],
      [
        "a subject up and down",
        "primary",
        { hosts, edges: [{ name: "edge-1", publish: ["a.>"], receive: ["a.b"] }] },
        /^ops-nats:edges\[0\].receive: expected a subject that does not overlap a.>/,
      ],
    ];
    for (const [what, stack, keys, pattern] of cases) {
      it(what, () => {
        const lines = faults(stack, keys);
        assert.ok(
          lines.some((line) => pattern.test(line)),
          lines.join("\n"),
        );
        assert.ok(
          lines.every((line) => /: expected .+; came .+; next: .+/.test(line)),
          lines.join("\n"),
        );
      });
    }

    for (const timeoutSeconds of [29, 7201, 60.5, "10m"]) {
      it(`a timeoutSeconds of ${timeoutSeconds}`, () => {
        const expected = /^ops-nats:timeoutSeconds: expected a whole number of seconds between 30 and 7200; came/;
        fault("edge-1", { timeoutSeconds }, expected);
        fault("primary", { hosts, timeoutSeconds }, expected);
      });
    }

    // each with text that is wrong in another place: the schema's, a key's name, a part of a structure, two keys compared
    for (const [what, stack, keys] of [
      ["of the wrong type", "primary", { hosts, replicas: "hunter2" }],
      ["that is a number", "primary", { hosts, leafPort: 31337, clientPort: 31337 }],
      ["with a part of the wrong type", "edge-1", { images: { nats: { tag: ["hunter2"] } } }],
      ["with an unknown key in it", "edge-1", { images: { hunter2: 1 } }],
      ["in a list", "primary", { hosts: ["hunter2:1"] }],
      ["in edges that exclude each other", "primary", { hosts, edges: ["hunter2", "hunter2"] }],
      ["of no key of ours", "edge-1", { token: "hunter2" }],
      ["of the other role", "edge-1", { hosts: ["hunter2"] }],
    ] as const) {
      it(`a secret ${what}, without its text`, () => {
        const key =
          Object.keys(keys).find((key) => key !== "hosts" || !("hosts" in keys && keys.hosts === hosts)) ?? "";
        const secret = { secretKeys: new Set([`ops-nats:${key}`]) };
        assert.match(faults(stack, keys).join("\n"), /hunter2|31337/); // without the secret it would be told
        assert.doesNotMatch(faults(stack, keys, secret).join("\n"), /hunter2|31337/);
        fault(stack, keys, new RegExp(`^ops-nats:${key}: expected a plain value.*; came "\\[secret\\]"`), secret);
      });
    }

    it("an edge's own secret over a shared key, without its text", () => {
      const more = { secretKeys: new Set(["ops-nats:images"]), sharedFile: "config: {images: {registry: 7}}" };
      const lines = faults("edge-1", { images: { nats: { tag: ["hunter2"] } } }, more);
      assert.equal(lines.length, 1);
      assert.doesNotMatch(lines.join("\n"), /hunter2/);
    });

    it("a key that is stored encrypted", () => {
      fault("edge-1", { namespace: "x" }, /^ops-nats:namespace: expected a plain value/, {
        secretKeys: new Set(["ops-nats:namespace"]),
      });
    });
  });

  it("shows what cannot be seen", () => {
    const lines = faults("primary", { hosts, edges: [{ name: "edge-1", publish: ["a\u200bb"] }] });
    assert.match(lines.join(), /came "a\\u200bb"; /);
  });

  it("takes words of any language, $ and _ inside of words, and without persistence the streams' own", () => {
    const publish = ["métrique.été.*", "日本.>", "a$b.x_y.-", "live.x", "a.*.c", "ä\\b", "x".repeat(255)];
    settingsOf("primary", { hosts, edges: [{ name: "edge-1", publish }] });
  });

  it("tells all faults of a stack at once", () => {
    const lines = faults("primary", {
      hosts: ["a:1"],
      leafPort: 1,
      edges: ["-", "edge-1", "edge-1"],
      nonsense: true,
      replicas: 0,
    });
    assert.deepEqual(lines.map((line) => /^ops-nats:([^:]+):/.exec(line)?.[1]).sort(), [
      "edges[0]",
      "edges[2]",
      "hosts[0]",
      "leafPort",
      "nonsense",
      "replicas",
    ]);
  });

  it("tells equal ports and clashing subjects beside anything else", () => {
    const edges = ["edge-1", { name: "edge-2", publish: ["ops.clusters.*.x"] }];
    const lines = faults("primary", { hosts, leafPort: 32222, clientPort: 32222, edges, nonsense: 1 });
    assert.deepEqual(lines.map((line) => /^ops-nats:([^:]+):/.exec(line)?.[1]).sort(), [
      "clientPort",
      "edges[1].publish",
      "nonsense",
    ]);
  });

  it("names the file that a fault of shared settings is in", () => {
    const sharedFile = "config: {ops-nats:replicas: many, ops-nats:nonsense: 1}";
    const lines = faults("edge-1", {}, { sharedFile });
    assert.equal(lines.length, 2);
    assert.ok(
      lines.every((line) => line.endsWith("next: edit Pulumi.edge.yaml")),
      lines.join("\n"),
    );
  });

  it("gives commands that can be typed", () => {
    const last = (line: string | undefined) => line?.split("; next: ")[1];
    assert.equal(last(faults("hq", { role: "primary", hosts, x: 1 })[0]), "pulumi config rm 'ops-nats:x' -s hq");
    assert.equal(
      last(faults("primary", { hosts, edges: "edge-1" })[0]),
      "pulumi config rm 'ops-nats:edges' -s primary && pulumi config set --path 'ops-nats:edges[0]' edge-1 -s primary",
    );
    assert.equal(
      last(faults("primary", { hosts, edges: [{ name: "a", publish: [""] }] })[0]),
      "edit Pulumi.primary.yaml",
    );
  });
});
