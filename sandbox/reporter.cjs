// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

const { writeFileSync } = require("node:fs");
const { Spec, Base } = require("mocha").reporters;

/**
 * mocha's spec reporter, which also leaves its counts in a file for whoever sums several runs, and says why a test failed when it
 * failed: a run that is ended from outside comes to no summary.
 */
module.exports = class extends Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on("fail", (_test, error) => console.log((error?.stack ?? String(error)).replace(/^/gm, "      ")));
    runner.once("end", () => writeFileSync(options.reporterOptions.output, JSON.stringify({ stats: this.stats })));
  }
};
module.exports.description = Base.description;
