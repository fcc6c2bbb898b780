// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { edgeSchema, primarySchema, SMALLEST } from "../../config/schema.ts";
import { bytes } from "../../config/units.ts";
import { SHARE } from "../../nats/streams.ts";
import { shellBlocks } from "../harness/shellBlocks.ts";
import { page } from "../scenarios/page.ts";
import type { Row } from "../scenarios/report.ts";
import { OUTPUTS } from "./program.test.ts";

const root = new URL("../../", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), "utf8");
const markdown = (folder: string): string[] =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `${folder}${file}`);
/** README and what is for users; and all pages. */
const PAGES = [
  "README.md",
  ...["guides", "concepts", "operations", "reference"].flatMap((name) => markdown(`docs/${name}/`)),
];
const ALL_PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...markdown("docs/")];
const readme = PAGES.map(read).join("\n");

/** The cells of the table below a heading, row by row, without its head. */
function table(heading: string): string[][] {
  const section = readme.split(new RegExp(`^#+ ${heading}$`, "m"))[1] ?? assert.fail(`no heading ${heading}`);
  const lines = /(?:^\|.*\n)+/m.exec(section)?.[0].trim().split("\n") ?? assert.fail(`no table below ${heading}`);
  const cells = (line: string) =>
    line
      .replaceAll("\\|", "\0")
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("\0", "|").trim());
  return lines.slice(2).map(cells);
}

/** Links of a page to files of the project, and to a heading in them. */
function linksOf(page: string): { readonly file: string; readonly heading: string | undefined }[] {
  return [...read(page).matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map(([, link = ""]) => {
    const [path = "", heading] = link.split("#");
    return { file: path === "" ? page : join(dirname(page), path), heading };
  });
}

/** A heading as links name it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

describe("documentation", () => {
  for (const page of ALL_PAGES) {
    it(`${page} has no link that leads nowhere`, () => {
      for (const { file, heading } of linksOf(page)) {
        assert.ok(existsSync(new URL(file, root)), file);
        if (heading === undefined) continue;
        const headings = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) => anchor(text));
        assert.ok(headings.includes(heading), `${file}#${heading}`);
      }
    });
  }
});

describe("blocks of the documentation", () => {
  it("are those below a heading, up to the next one, whatever comments they have", () => {
    const text = "# One\n```sh\na\n# no heading\nb\n```\n```text\nnone\n```\n## Two\n```bash\nc\n```\n";
    assert.deepEqual(shellBlocks(text, "One"), ["a\n# no heading\nb\n"]);
    assert.deepEqual(shellBlocks(text, "Two"), ["c\n"]);
    assert.deepEqual(shellBlocks(text, "Three"), []);
  });

  for (const [heading, pattern] of [
    ["On your own clusters", /pulumi up -s edge-1/],
    ["On your own clusters", /leafnodes/],
    ["Persistence", /persistence\.enabled/],
    ["The controller", /proxy\/status/],
    ["What destroy leaves", /delete pvc/],
    ["Changing persistence", /cascade=foreground/],
  ] as const) {
    it(`are there for those who type them: ${heading}, ${pattern}`, () => {
      assert.ok(shellBlocks(readme, heading).some((block) => pattern.test(block)));
    });
  }
});

describe("README", () => {
  it("has every key, by role, and no other", () => {
    const [primary, edge] = [Object.keys(primarySchema.shape), Object.keys(edgeSchema.shape)];
    const role = (key: string) => (primary.includes(key) ? (edge.includes(key) ? "both" : "primary") : "edge");
    const keys = [...new Set([...primary, ...edge])].map((key) => [`\`${key}\``, role(key)]);
    assert.deepEqual(
      table("Configuration")
        .map(([key, who]) => [key, who])
        .sort(),
      keys.sort(),
    );
  });

  it("has every output, by role and secrecy, and no other", () => {
    const { primary, edge } = OUTPUTS;
    const role = (name: string) => (name in primary.values ? (name in edge.values ? "both" : "primary") : "edge");
    const names = [...new Set([...Object.keys(primary.values), ...Object.keys(edge.values)])];
    const secret = (name: string) => ([...primary.secrets, ...edge.secrets].includes(name) ? "secret" : "");
    const expected = names.map((name) => [`\`${name}\``, role(name), secret(name)]);
    assert.deepEqual(
      table("Outputs")
        .map((row) => row.slice(0, 3))
        .sort(),
      expected.sort(),
    );
  });

  it("says how many hours a size buys as streams have it, by the bytes that it says of an event", () => {
    const number = (pattern: RegExp) => Number(pattern.exec(readme)?.[1] ?? assert.fail(String(pattern)));
    const share = { edge: number(/an edge's claim (\d+) %/), primary: number(/of the primary's (\d+) %/) };
    assert.deepEqual(share, { edge: SHARE.edge * 100, primary: SHARE.ops * 100 });
    const hours = (size: string, part: number, more: number, rate: number) =>
      (bytes(size) * part) / (number(/events of (\d+) bytes an edge's/) + more) / rate / 3600;
    const [edge, primary] = [number(/about (\d+) more at the edge/), number(/at the edge, (\d+) more in each/)];
    const said: readonly (readonly [number, number])[] = [
      [number(/an edge's 2Gi bridge (\d+) hours at 10/), hours("2Gi", SHARE.edge, edge, 10)],
      [number(/\((\d+) hours at\s+100\)/), hours("2Gi", SHARE.edge, edge, 100)],
      [number(/the primary's 10Gi hold (\d+) hours at 10/), hours("10Gi", SHARE.ops, primary, 10)],
      [number(/all clusters together \((\d+) at 100\)/), hours("10Gi", SHARE.ops, primary, 100)],
    ];
    for (const [told, is] of said) assert.ok(Math.abs(told / is - 1) < 0.05, `${told}, not ${is}`);
    assert.deepEqual(
      [/smallest claims: (\w+) at the primary, (\w+) at an edge/.exec(readme)?.slice(1)],
      [[SMALLEST.primary, SMALLEST.edge]],
    );
  });

  it("has an equal for every command of the guide", () => {
    const column = table("Coming from the guide")
      .map(([guide]) => guide)
      .join("\n");
    const commands = [
      "helm repo add",
      "helm repo update",
      "helm show values nats/nats",
      "export adminpassword",
      "nats-values.yaml` of the primary",
      "helm install nats",
      "kubectl patch svc nats",
      "kubectl get pod,svc",
      "export nats_master",
      "helm install` of an edge",
      "exec -it deployment/nats-box -- sh",
      "nats sub mysub",
      'nats pub mysub "mymessage mycontent"',
      "nats server list --user=admin",
      "nats bench benchsubject --pub 1 --sub 10",
      "config.jetstream",
    ];
    assert.deepEqual(
      commands.filter((command) => !column.includes(command)),
      [],
    );
  });

  it("is short", () => {
    const lines = read("README.md").split("\n").length;
    assert.ok(lines <= 150, `${lines} lines`);
  });

  it("leads to every page for users", () => {
    const links = linksOf("README.md").map(({ file }) => file);
    assert.deepEqual(
      PAGES.filter((page) => page !== "README.md" && !links.includes(page)),
      [],
    );
  });
});

describe("docs/benchmarks/durability.md", () => {
  it("says what its rows say", () => {
    const text = readFileSync(new URL("docs/benchmarks/durability.md", root), "utf8");
    const rows = readFileSync(new URL("docs/benchmarks/durability.jsonl", root), "utf8").trim().split("\n");
    const on = /the last time on (.*);$/m.exec(text)?.[1] ?? assert.fail("no machine");
    assert.ok(rows.length > 50);
    assert.equal(
      text,
      page(
        rows.map((row) => JSON.parse(row) as Row),
        on,
      ),
    );
  });
});

describe("source files", () => {
  it("begin with the licence", () => {
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
      (f) => /\.(ts|go|cjs)$/.test(f) && !/^(node_modules|\.sandbox|coverage)\//.test(f),
    );
    assert.ok(files.length > 50);
    const head = "// SPDX-FileCopyrightText: The ops-nats authors\n// SPDX-License-Identifier: Apache-2.0\n";
    assert.deepEqual(
      files.filter((file) => !readFileSync(new URL(file, root), "utf8").startsWith(head)),
      [],
    );
  });
});
