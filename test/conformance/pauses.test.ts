// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { toolFolder } from "./versions.ts";

const BRAKE = join(import.meta.dirname, "../../components/brake.sh");
const ABOVE = 1000;

/** What a keeper finds at one look. */
interface Look {
  /** Seconds since the first. */
  readonly at: number;
  /** The bytes of each server's log; undefined for one that does not say. */
  readonly logs: readonly (number | undefined)[];
  readonly copies?: boolean;
  /** How many messages each edge is behind. */
  readonly lags?: Readonly<Record<string, number>>;
  readonly linked?: readonly string[];
}

/** How an edge's server answers, if not as asked. */
interface Edge {
  /** Seconds by which its clock is ahead of the keeper's. */
  readonly ahead?: number;
  readonly refuses?: boolean;
}

/** The shell around it: keeper.sh's functions, with what is found in files in place of servers, and a clock that is told. */
const AROUND = `
set -u
ready=$DIR/ready stream=in account=STORE above=${ABOVE} since='' given_up=no errors=$DIR/errors
. "$BRAKE"
uptime() { cat "$DIR/clock"; }
say() { echo "say: $*" >>"$DIR/log"; }
refused() { echo "refused: $1" >>"$DIR/log"; return 1; }
code() { printf '%s' "$1" | jq -r 'if .error then .error.code else 0 end'; }
pages() { case $1 in leafz) cat "$DIR/leafz" ;; 'raftz?acc=STORE') cat "$DIR/raftz" ;; esac; }
api() { [ "$1" = STREAM.INFO.in ] && cat "$DIR/info"; }
ask() {
  edge=$(echo "$1" | sed -n 's/^\\$JS\\.\\(edge-[0-9]*\\)\\.API\\.CONSUMER\\.PAUSE\\.ops\\.\\1$/\\1/p')
  seconds=$(printf '%s' "$2" | jq 'if .pause_until then (.pause_until | fromdate) - now else 0 end')
  echo "$edge: $(echo "$seconds" | jq '. / 10 | round * 10')" >>"$DIR/log"
  jq -c --argjson seconds "$seconds" --arg edge "$edge" '.[$edge] // {} | if .refuses then {error: {code: 503}}
    else ($seconds - (.ahead // 0)) as $left | {paused: ($left > 0), pause_remaining: ([$left, 0] | max * 1e9)} end' "$DIR/edges"
}
`;

// With real servers: brake.test.ts. Here its times are looked at, which would take minutes each.
describe("edges that are to pause", () => {
  let folder = "";
  beforeEach("make a folder", async () => {
    folder = await mkdtemp(join(tmpdir(), "ops-nats-pauses-"));
  });
  afterEach("remove it", () => rm(folder, { recursive: true, force: true }));

  /** What the keeper asks and says at each look, an edge's name with the seconds (by tens) for which it is to pause; 0: it is to go on. */
  async function seen(looks: readonly Look[], edges: Readonly<Record<string, Edge>> = {}): Promise<string[][]> {
    const files = looks.map((look) => {
      const { lags = { "edge-1": 9000 } } = look;
      const { linked = Object.keys(lags) } = look;
      const deliver = (edge: string) => `up.${edge}`;
      const raftz = look.logs.map((bytes) =>
        bytes === undefined ? null : { STORE: { "S-R3F-in": { wal: { bytes }, catching_up: look.copies ?? false } } },
      );
      const info = {
        config: {
          sources: Object.keys(lags).map((edge) => ({
            name: "ops",
            external: { api: `$JS.${edge}.API`, deliver: deliver(edge) },
            consumer: { name: edge },
          })),
        },
        sources: Object.entries(lags).map(([edge, lag]) => ({
          name: "ops",
          external: { deliver: deliver(edge) },
          lag,
        })),
      };
      const leafz = { leafs: linked.map((edge) => ({ name: `${edge}.nats-0` })) };
      return { clock: 1e9 + look.at, raftz: raftz.map((page) => JSON.stringify(page)).join("\n"), info, leafz };
    });
    const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
    const steps = files.map((found) => {
      const writes = Object.entries(found).map(([name, value]) => `printf '%s' '${text(value)}' >"$DIR/${name}"`);
      return [...writes, "brake", `echo -- >>"$DIR/log"`].join("\n");
    });
    await writeFile(join(folder, "edges"), JSON.stringify(edges));
    await writeFile(join(folder, "log"), "");
    const path = `${await toolFolder()}:${process.env.PATH}`;
    await execa("sh", ["-c", AROUND + steps.join("\n")], { env: { DIR: folder, BRAKE, PATH: path } });
    const parts = (await readFile(join(folder, "log"), "utf8")).split("--\n").slice(0, -1);
    return parts.map((part) =>
      part
        .split("\n")
        .filter((line) => line !== "")
        .sort(),
    );
  }

  const long = [ABOVE + 1, 0, 0];
  const short = [10, 10, 10];
  const PAUSE = `say: logs of replicas have ${ABOVE + 1} bytes: edges that are behind pause until these are cut`;
  const GO_ON = "say: logs of replicas have 10 bytes: edges that paused go on";

  it("are those that are behind and have a link", async () => {
    const lags = { "edge-1": 501, "edge-2": 500, "edge-3": 9000, "edge-4": 9000 };
    const linked = ["edge-1", "edge-2", "edge-4"];
    assert.deepEqual(await seen([{ at: 0, logs: long, lags, linked }]), [["edge-1: 60", "edge-4: 60", PAUSE]]);
  });

  it("are none where logs are as long as allowed, and some at a fourth of that where a server copies", async () => {
    const quiet = await seen([
      { at: 0, logs: [ABOVE] },
      { at: 1, logs: [ABOVE / 4], copies: true },
    ]);
    assert.deepEqual(quiet, [[], []]);
    const [asked] = await seen([{ at: 0, logs: [ABOVE / 4 + 1], copies: true }]);
    assert.deepEqual(asked?.[0], "edge-1: 60");
  });

  it("are asked again after half a minute, and told to go on when logs are half as long", async () => {
    const looks = [
      { at: 0, logs: long },
      { at: 29, logs: long },
      { at: 30, logs: long },
      { at: 31, logs: [ABOVE / 2 + 1] },
      { at: 32, logs: short },
      { at: 33, logs: short },
    ];
    assert.deepEqual(await seen(looks), [["edge-1: 60", PAUSE], [], ["edge-1: 60"], [], ["edge-1: 0", GO_ON], []]);
  });

  it("are asked at once where the node has started anew since they were asked, and its clock begins again", async () => {
    const looks = [
      { at: 0, logs: long },
      { at: -7200, logs: long },
      { at: -7199, logs: short },
    ];
    assert.deepEqual(await seen(looks), [["edge-1: 60", PAUSE], ["edge-1: 60"], ["edge-1: 0", GO_ON]]);
  });

  it("go on after four and a half minutes, until logs have been cut once", async () => {
    const every = Array.from({ length: 10 }, (_, i) => ({ at: i * 30, logs: long }));
    const looks = [
      ...every,
      { at: 271, logs: long },
      { at: 400, logs: long },
      { at: 401, logs: short },
      { at: 402, logs: long },
    ];
    const found = await seen(looks);
    assert.deepEqual(found.slice(0, 9), [["edge-1: 60", PAUSE], ...Array(8).fill(["edge-1: 60"])]);
    const why = `say: logs of replicas have ${ABOVE + 1} bytes, and are not cut: edges that paused go on`;
    assert.deepEqual(found.slice(9), [["edge-1: 0", why], [], [], [GO_ON], ["edge-1: 60", PAUSE]]);
  });

  it("pause for a minute of the keeper's, whatever their clock says", async () => {
    const lags = { "edge-1": 9000, "edge-2": 9000, "edge-3": 9000 };
    const found = await seen([{ at: 0, logs: long, lags }], { "edge-1": { ahead: 40 }, "edge-2": { ahead: -50 } });
    assert.deepEqual(found, [["edge-1: 100", "edge-1: 60", "edge-2: 10", "edge-2: 60", "edge-3: 60", PAUSE]]);
  });

  it("are asked at the next look again where they refuse", async () => {
    const looks = [
      { at: 0, logs: long },
      { at: 1, logs: long },
    ];
    const refusal = ["edge-1: 60", "refused: edge-1 does not pause"];
    assert.deepEqual(await seen(looks, { "edge-1": { refuses: true } }), [[...refusal, PAUSE], refusal]);
  });

  it("are not told to go on while a server does not say how long its logs are", async () => {
    const looks = [
      { at: 0, logs: long },
      { at: 5, logs: [undefined, 10, 10] },
      { at: 6, logs: short },
    ];
    assert.deepEqual(await seen(looks), [["edge-1: 60", PAUSE], [], ["edge-1: 0", GO_ON]]);
  });
});
