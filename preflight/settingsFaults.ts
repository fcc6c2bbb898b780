// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { CLIENT_PORT, DEFAULT_IMAGES, LEAF_PORT } from "../config/defaults.ts";
import type { Fault } from "../config/report.ts";
import { isMap } from "../lib/merge.ts";
import { keepsStreams, STORING } from "../nats/serverVersion.ts";
import { eventSubjects, overlap, withoutCovered } from "../nats/subjects.ts";

/** What a single accepted name cannot show: names twice or one below another, and the edge's own, which need not be accepted. */
export function* nameFaults(value: unknown, edge: string): Generator<Fault> {
  if (!Array.isArray(value)) return;
  for (const [i, name] of value.entries()) {
    const fault = { came: name, command: `pulumi config rm --path 'ops-nats:acceptClusterNames[${i}]'` };
    const key = `acceptClusterNames[${i}]`;
    if (typeof name !== "string") continue;
    if (name === edge || name.startsWith(`${edge}.`)) {
      yield { key, expected: `another name than the edge's own, ${edge}`, ...fault };
    }
    const other = value.find((o, j) => typeof o === "string" && (o === name ? j < i : name.startsWith(`${o}.`)));
    if (other === name) yield { key, expected: "every name once", ...fault };
    else if (other !== undefined)
      yield { key, expected: `no name below ${other}, which is accepted already`, ...fault };
  }
}

/** Two NodePorts of one Service cannot be the same. */
export function* portFaults({
  leafPort = LEAF_PORT,
  clientPort = 0,
}: Readonly<Record<string, unknown>>): Generator<Fault> {
  if (leafPort !== clientPort) return;
  yield {
    key: "clientPort",
    expected: "another port than leafPort",
    came: clientPort,
    set: String(clientPort === CLIENT_PORT ? CLIENT_PORT + 1 : CLIENT_PORT),
  };
}

/** First words of the subjects by which streams hand on what they store. */
const STREAMS_OWN = ["up", "own", "in", "live", "direct", "to-in"];

/** What persistence asks of the other keys of a primary. */
export function* persistenceFaults(keys: Readonly<Record<string, unknown>>): Generator<Fault> {
  if (!isMap(keys.persistence) || keys.persistence.enabled !== true) return;
  if (keys.replicas === 2) yield { key: "replicas", expected: MAJORITY, came: 2, set: "3" };
  const { tag } = looseImages(keys.images).nats;
  const key = "images.nats.tag";
  if (!keepsStreams(tag)) yield { key, expected: STORING, came: tag, set: DEFAULT_IMAGES.nats.tag };
  if (!Array.isArray(keys.edges)) return;
  const edges = keys.edges.map(looseEdge);
  for (const [i, edge] of edges.entries()) {
    for (const list of ["publish", "receive"] as const) {
      const own = edge[list].find((subject) => STREAMS_OWN.includes(subject.split(".")[0] ?? ""));
      const expected = `a subject that begins with none of ${STREAMS_OWN.join(", ")} (with persistence those are the streams' own)`;
      if (own) yield { key: `edges[${i}].${list}`, expected, came: own, command: "edit Pulumi.primary.yaml" };
    }
    const fault = { key: `edges[${i}].publish`, command: "edit Pulumi.primary.yaml" };
    const below = "a subject that is not below ops. (with persistence each event is filed under the edge that sent it)";
    const event = edge.publish.find((subject) => overlap(subject, "ops.>"));
    if (event) yield { ...fault, expected: below, came: event };
  }
}

/** The image as far as it can be read. */
function looseImages(images: unknown): { readonly nats: { readonly tag: string } } {
  const nats = isMap(images) && isMap(images.nats) ? images.nats : {};
  return { nats: { tag: typeof nats.tag === "string" ? nats.tag : DEFAULT_IMAGES.nats.tag } };
}

/** Two servers are worse than one for what is stored: both must be there. */
export const MAJORITY = "with persistence one server, or three or more: of two, both would have to be there";

/** What a single entry of `edges` cannot show: names twice, subjects that would be delivered twice or in a circle. */
export function* edgesFaults(value: unknown): Generator<Fault> {
  if (!Array.isArray(value)) return;
  const edges = value.map(looseEdge);
  const names = edges.map(({ name }) => name);
  for (const [i, name] of names.entries()) {
    if (name !== undefined && names.indexOf(name) < i) {
      const command = `pulumi config rm --path 'ops-nats:edges[${i}]'`;
      yield { key: `edges[${i}]`, expected: "every edge once", came: name, command };
    }
  }
  const up = withoutCovered(
    edges.flatMap(({ name, publish }) => [...(name === undefined ? [] : eventSubjects(name)), ...publish]),
  );
  const down = withoutCovered(edges.flatMap((edge) => edge.receive));
  const clash = (subject: string, others: readonly string[]) =>
    others.find((o) => o !== subject && overlap(o, subject));
  for (const [i, edge] of edges.entries()) {
    const command = "edit Pulumi.primary.yaml";
    for (const subject of edge.publish) {
      const other = up.includes(subject) ? clash(subject, up) : undefined;
      const expected = `a subject that does not partly overlap ${other} (both would deliver the same event)`;
      if (other) yield { key: `edges[${i}].publish`, expected, came: subject, command };
    }
    for (const subject of edge.receive) {
      const other = clash(subject, down) ?? up.find((o) => overlap(o, subject));
      const expected = `a subject that does not overlap ${other} (events would circle or come twice)`;
      if (other && down.includes(subject)) yield { key: `edges[${i}].receive`, expected, came: subject, command };
    }
  }
}

interface LooseEdge {
  readonly name: string | undefined;
  readonly publish: readonly string[];
  readonly receive: readonly string[];
}

/** An entry as far as it can be read; what is wrong with it is the schema's to say. */
function looseEdge(entry: unknown): LooseEdge {
  const map = isMap(entry) ? entry : { name: entry };
  const texts = (list: unknown) => (Array.isArray(list) ? list.filter((item) => typeof item === "string") : []);
  const name = typeof map.name === "string" ? map.name : undefined;
  return { name, publish: texts(map.publish), receive: texts(map.receive) };
}
