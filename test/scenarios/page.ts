// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_VERSION } from "../harness/processes/versions.ts";
import { missing, type Row, tables, totals } from "./report.ts";

/** The text of docs/benchmarks/durability.md. `on` is the machine that ran it last. */
export const page = (rows: readonly Row[], on: string): string => `# Durability

What becomes of events when links, servers and disks fail. Written by \`npm run test:chaos\`, the last time on ${on};
rows of other days are of other machines, with two cores, too. Of a scenario that ran more than once the tables show the last run; the two sides of a row are two runs. Rates
are of a machine that runs servers, publishers and checker, and at times another part of this suite, all at once.

Each cluster publishes numbered events through core NATS all the time, steadily over one connection and, as Ops does it, over a
connection for each; something is broken meanwhile. Then every id in an edge's stream is looked for in the primary's \`ops\`.

- **Sent**: the client's library took it. **Stored**: it is in the edge's stream. **Not stored**: sent, and not in the edge's
  stream at the end: the core publisher's loss where its server ended or had no room; with keep-newest, what gave way, fetched or not. (One
  that was not answered in time counts as not sent, and may be stored.)
- **Lost**: stored at the edge and not in \`ops\`. **Out of order**: in \`ops\` after one that was stored after it.
- **Live**: in \`ops\`, and a core subscriber at the primary did not get it, or twice. When its own server is killed or cut off, it
  misses what is said until it is connected again.
- **Catch-up**: events that had waited for more than a second and came together, and how many a second of them \`ops\` stored, of all
  edges together. **Begun after**: from when the link was mended (at the edge where it took longest) until the first of them came.
- **Lost without**: the same faults, plain core NATS (empty: not run; where a disk is full, the outage alone; on real clusters it took a minute); what the subscriber at the primary did not get of what was sent.

All scenarios with persistence together, every run that came to its end (the last of them on ${rows
  .map(({ day }) => day)
  .sort()
  .at(-1)}):

${totals(rows)}
${formerly(rows)}
Persistence needs ${DEFAULT_VERSION} or a later one ([decision 11](../decisions/0011-nats-server-2-15-3.md)); of the guide's, what core NATS loses. Of the 200 edges the controllers were stopped, for one machine's sake. Judged by the same
checker in tests that fail where something is lost, and not recorded here: persistence switched on, claims changed and servers
added by the steps of docs/operations/changing-persistence.md, while events flow (\`test/e2e/claims/09-persistence.test.ts\`, \`npm run test:steps\`); one \`Nats-Msg-Id\` from two
edges (\`test/conformance/persistence.test.ts\`, \`test/chaos/clusters.test.ts\`); 10 MB that have waited (\`test/scenarios/durabilitySuite.ts\`).
${notYet(missing(rows, DEFAULT_VERSION))}
${tables([...rows].sort((a, b) => Number(b.version === DEFAULT_VERSION) - Number(a.version === DEFAULT_VERSION)))}`;

/** What was seen in a run whose row another one has taken, and in that one no more. */
const formerly = (rows: readonly Row[]): string =>
  rows
    .filter(({ persistent, before, edges }) => persistent && before.doubled > 0 && edges.doubled === 0)
    .map(
      ({ version, title, before }) =>
        `\nDoubled under ${version}: ${before.doubled.toLocaleString("en-US")} in former runs of "${title}", none in the last one.\n`,
    )
    .join("");

const notYet = (scenarios: string): string =>
  scenarios === ""
    ? ""
    : `
Not run on ${DEFAULT_VERSION} since it is the default (other versions' tables have them):

${scenarios}
`;
