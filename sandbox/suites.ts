// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";

/** One process of mocha. */
export interface Run {
  readonly files: readonly string[];
  /** The time limit of one test, in seconds. */
  readonly seconds: number;
  /** Do not wait for open connections: a client whose cluster was taken down keeps one that nobody answers. */
  readonly exit?: boolean;
  /** Not beside other runs. */
  readonly alone?: boolean;
  /** Seconds after which it is ended, beside others: several times what it takes; 1200 where none are told. */
  readonly hangs?: number;
}

const PROJECT = resolve(import.meta.dirname, "..");
const FOLDER = "test/conformance";

/** All conformance files, by the names that the tables below use. */
export const CONFORMANCE: readonly string[] = readdirSync(join(PROJECT, FOLDER))
  .flatMap((file) => (file.endsWith(".test.ts") ? [basename(file, ".test.ts")] : []))
  .sort();

/**
 * What a change usually breaks, in a few minutes with the unit tests: configuration that servers accept, who may say and hear what,
 * reloads, and the main paths of persistence. All others are in `.ci/run`.
 */
export const QUICK: readonly string[] = [
  "address",
  "clustered",
  "confs",
  "events",
  "hostileStore",
  "identity",
  "isolation",
  "persistence",
  "refusals",
  "reload",
];

/** Files that fail beside others, and why. */
export const ALONE: Readonly<Record<string, string>> = {};

/**
 * Seconds that long files took, three at a time on a machine that was busy with other work: what begins last should not be long, so only
 * their order counts. A file that is not here counts as 60.
 */
export const SECONDS: Readonly<Record<string, number>> = {
  durability: 800,
  burst: 672,
  fullDisk: 353,
  controllerTroubles: 198,
  heardAgain: 160,
  wiped: 160,
  persistence: 160,
  brake: 153,
  otherSizes: 278,
  passwords: 175,
  told: 110,
  confs: 111,
  manyEdges: 103,
  lossy: 91,
  clustered: 36,
  address: 37,
  identity: 32,
  isolation: 20,
  refusals: 15,
};

const expected = (name: string): number => SECONDS[name] ?? 60;

/** Each file is a run of its own: it owns its ports and folders. */
const runs = (names: readonly string[]): readonly Run[] =>
  [...names]
    .sort((a, b) => expected(b) - expected(a))
    .map((name) => ({ files: [`${FOLDER}/${name}.test.ts`], seconds: 900, alone: Object.hasOwn(ALONE, name) }));

const chaos = (name: string, alone = false): Run => ({
  ...{ files: [`test/chaos/${name}.test.ts`], seconds: 900, exit: true },
  ...(alone ? { alone } : { hangs: 10_800 }),
});

export const SUITES: Readonly<Record<string, readonly Run[]>> = {
  unit: [{ files: ["test/unit/**/*.test.ts"], seconds: 20, alone: true }],
  quick: runs(QUICK),
  rest: runs(CONFORMANCE.filter((name) => !QUICK.includes(name))),
  conformance: runs(CONFORMANCE),
  // the machine's own checks first: they take the sandbox up and down; the claims then share one
  e2e: [
    { files: ["test/e2e/*.test.ts"], seconds: 300, exit: true, alone: true },
    { files: ["test/e2e/claims/*.test.ts"], seconds: 900, exit: true, alone: true },
  ],
  steps: [{ files: ["test/e2e/steps/*.test.ts"], seconds: 900, exit: true, alone: true }],
  // beside each other, for they wait through long faults
  chaos: [
    ...["processes", "processesWithout", "full", "manyEdges", "burst", "lossy"].map((name) => chaos(name)),
    // disks of the last two are memory, more than a machine has beside others; clusters take one of two cores by themselves
    ...["clusters", "copying", "fullDisk"].map((name) => chaos(name, true)),
  ],
};

/**
 * What is run together, one stage after the other; no file twice.
 * @param grep with it few tests run: those files are one process, for loading a file costs more than most tests
 */
export function stages(names: readonly string[], grep?: string): readonly (readonly Run[])[] {
  const planned = new Set<string>();
  return names.flatMap((name) => {
    const fresh = (SUITES[name] ?? []).filter(({ files }) => !planned.has(String(files)));
    for (const { files } of fresh) planned.add(String(files));
    const beside = fresh.filter(({ alone }) => !alone);
    const [first] = beside;
    const together =
      grep !== undefined && first ? [{ ...first, files: beside.flatMap(({ files }) => files), alone: true }] : beside;
    const apart = fresh.filter(({ alone }) => alone).map((run) => [run]);
    return [...(together.length > 0 ? [together] : []), ...apart];
  });
}
