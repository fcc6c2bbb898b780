// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

const { writeFileSync } = require("node:fs");
const { Spec, Base } = require("mocha").reporters;

/** The mark of a line that belongs to a failure: `.ci/run` repeats these at its end, where they are seen. */
const MARK = "✘";
/** Lines of one failure that are marked: its message, and where it came from behind what was seen last. */
const [FIRST, LAST] = [6, 34];

function failure(test, error) {
  const all = (error?.stack ?? String(error)).split("\n");
  const left = all.length - FIRST - LAST;
  const lines = left > 0 ? [...all.slice(0, FIRST), `(${left} lines)`, ...all.slice(-LAST)] : all;
  return [test.fullTitle(), ...lines.map((line) => `  ${line.slice(0, 300)}`)].map((line) => `${MARK} ${line}`).join("\n");
}

/**
 * mocha's spec reporter, which also leaves its counts in a file for whoever sums several runs, and says why a test failed when it
 * failed: a run that is ended from outside comes to no summary.
 */
module.exports = class extends Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on("fail", (test, error) => console.log(failure(test, error)));
    // after each test, for a run may be ended from outside; only a whole one has an `end`
    const write = () => writeFileSync(options.reporterOptions.output, JSON.stringify({ stats: this.stats }));
    for (const event of ["test end", "end"]) runner.on(event, write);
  }
};
module.exports.description = Base.description;
