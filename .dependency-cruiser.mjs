// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Which room may look into which (CONTRIBUTING.md): each only into those before it.
const ROOMS = ["lib", "config", "nats", "kubernetes", "link", "preflight", "rollout", "components"];
const TESTS = ["bench", "sandbox", "test"];
const SOURCES = [...ROOMS, "controller", ...TESTS];

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
    rule("controller-knows-no-pulumi", { path: below(["controller"]) }, { path: "node_modules/@pulumi/" }),
    rule("nats-and-lib-are-pure", { path: below(["nats", "lib", "config"]) }, { path: "node_modules/@(pulumi/(kubernetes|random)|kubernetes)/" }),
    rule(
      "clusters-are-reached-by-the-port",
      { path: below(["components", "preflight", "rollout", "link"]) },
      { path: "^kubernetes/(client|kubeconfig|portForward|provider|workload)\\.ts$" },
    ),
    rule("sandbox-knows-no-program", { path: below(["sandbox"]) }, { path: [below(SOURCES.filter((room) => room !== "sandbox")), "^(index|outputs)\\.ts$"] }),
    rule("the-program-knows-no-tests", { path: ["^(index|outputs)\\.ts$", below([...ROOMS, "controller"])] }, { path: below(TESTS) }),
    rule("no-orphans", { orphan: true, pathNot: ["^\\.dependency-cruiser\\.mjs$", "^(index|start)\\.", "\\.test\\.ts$"] }, {}),
    rule("what-is-used-is-named", {}, { dependencyTypes: ["npm-no-pkg", "npm-unknown"] }),
    rule("what-ships-is-a-dependency", { path: ["^(index|outputs)\\.ts$", below([...ROOMS, "controller"])] }, { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
