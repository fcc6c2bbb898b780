// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Which room may look into which (CONTRIBUTING.md): each only into those before it.
const ROOMS = ["lib", "config", "nats", "kubernetes", "link", "preflight", "rollout", "components"];
const TESTS = ["bench", "sandbox", "test"];
const SOURCES = [...ROOMS, "controller", ...TESTS];

/** What nobody imports, for it is run. */
const ENTRIES = [
  ...["^(index|start)\\.", "^controller/main\\.ts$", "\\.test\\.ts$", "^bench/", "^test/chaos/run\\.ts$"],
  ...["^test/harness/setup\\.ts$", "^sandbox/(cli|demo|setup|test)\\.ts$", "^sandbox/reporter\\.cjs$"],
];

const below = (names) => `^(${names.join("|")})/`;
const rule = (name, from, to) => ({ name, severity: "error", from, to });

export default {
  forbidden: [
    rule("no-circles", {}, { circular: true }),
    ...ROOMS.map((room, i) =>
      rule(
        `${room}-looks-only-back`,
        { path: below([room]) },
        // the controller's bundle is made of its main file, which is no import
        { path: [below([...ROOMS.slice(i + 1), "controller", ...TESTS]), "^(index|outputs)\\.ts$"] },
      ),
    ),
    rule(
      "controller-takes-names-and-types",
      { path: below(["controller"]) },
      { path: [below(SOURCES.filter((room) => !["controller", "nats", "lib"].includes(room))), "^(index|outputs)\\.ts$"] },
    ),
    rule("controller-knows-no-pulumi", { path: "^controller/main\\.ts$" }, { path: "node_modules/@pulumi/", reachable: true }),
    rule("nats-and-lib-are-pure", { path: below(["nats", "lib", "config"]) }, { path: "node_modules/@(pulumi/(kubernetes|random)|kubernetes)/" }),
    rule(
      "clusters-are-reached-by-the-port",
      { path: below(["components", "preflight", "rollout", "link"]) },
      { path: "^kubernetes/(client|kubeconfig|portForward|provider|workload)\\.ts$" },
    ),
    rule("sandbox-knows-no-program", { path: below(["sandbox"]) }, { path: [below(SOURCES.filter((room) => room !== "sandbox")), "^(index|outputs)\\.ts$"] }),
    rule("the-program-knows-no-tests", { path: ["^(index|outputs)\\.ts$", below([...ROOMS, "controller"])] }, { path: below(TESTS) }),
    rule("nothing-is-unused", { path: ENTRIES }, { path: below(SOURCES), pathNot: ENTRIES, reachable: false }),
    rule("what-is-used-is-named", {}, { dependencyTypes: ["npm-no-pkg", "npm-unknown"] }),
    rule("what-ships-is-a-dependency", { path: ["^(index|outputs)\\.ts$", below([...ROOMS, "controller"])] }, { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(\\.sandbox|coverage)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
