// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { bytes } from "../config/units.ts";
import { STORE_ACCOUNT } from "./accounts.ts";
import {
  type Brake,
  consumer,
  consumerOf,
  DIRECT_STREAM,
  DUPLICATE_WINDOW,
  deliverSubject,
  handedUp,
  INTAKE_STREAM,
  LOG_SHARE,
  OPS_STREAM,
  ownStream,
  type Plan,
  SHARE,
  type Storage,
  stream,
} from "./streams.ts";
import { numbered, withoutCovered } from "./subjects.ts";

export interface PrimaryStorage extends Storage {
  readonly edges: readonly {
    readonly name: string;
    readonly publish: readonly string[];
    readonly persistence: boolean;
  }[];
  /** Of each edge, see {@link EdgeLimits}. */
  readonly underWay: number;
  /** The names of the pods, one for each server. */
  readonly pods: readonly string[];
}

/** A source that is filed under `to`, whatever it says of itself. */
interface Source {
  readonly stream: string;
  readonly consumer: string;
  readonly deliver: string;
  readonly from: string;
  readonly to: string;
  readonly external?: { readonly api: string; readonly deliver: string };
}

const sourceConfig = ({ stream, consumer, deliver, from, to, external }: Source) => ({
  name: stream,
  ...(external === undefined ? {} : { external }),
  consumer: { name: consumer, deliver_subject: deliver },
  subject_transforms: [{ src: from, dest: to }],
});

/**
 * Nobody empties what is kept for good: servers carry out some requests that events have in their headers, in the account of the streams (docs/concepts/security.md). It cannot be
 * taken back. Streams that only pass events on lack it, for the controller has them count on by it.
 */
const NOT_EMPTIED = { deny_purge: true };

/**
 * The primary's streams: what its own servers and live edges say, the intake of all, and `ops`. They always let the oldest go.
 * Own and live events only pass through (of live ones nobody is told that they are stored: an edge would choose to whom that goes); and what has sources would lose what it refuses: servers check the room before a message
 * is proposed to the replicas without counting the message itself, and where it then finds none, they pass over it.
 */
export function primaryPlan(storage: PrimaryStorage): Plan {
  const { edges, pods, underWay } = storage;
  const stored = edges.filter((edge) => edge.persistence);
  const live = edges.filter((edge) => !edge.persistence);
  const remote = stored.map(({ name }): Source => {
    const external = { api: `$JS.${name}.API`, deliver: handedUp(name) };
    return {
      stream: OPS_STREAM,
      consumer: consumerOf(name),
      deliver: deliverSubject(name),
      from: ">",
      to: `in.${name}.>`,
      external,
    };
  });
  const own = pods.map((pod): Source => {
    const name = ownStream(pod);
    return { stream: name, consumer: "in", deliver: `to-in.${name}`, from: `own.${pod}.>`, to: "in.primary.ops.>" };
  });
  const direct = live.map(({ name }): Source => {
    const from = `${DIRECT_STREAM}.${name}.>`;
    return { stream: DIRECT_STREAM, consumer: name, deliver: `to-in.direct.${name}`, from, to: `in.${name}.>` };
  });
  const sources = [...own, ...direct, ...remote].map(sourceConfig);
  const streams = [
    ...pods.map((pod) => ({
      ...stream({ ...storage, replicas: 1 }, SHARE.own, ownStream(pod)),
      ...DUPLICATE_WINDOW,
      subjects: [`own.${pod}.>`],
      placement: { tags: [pod] },
    })),
    ...(live.length === 0
      ? []
      : [
          {
            ...stream(storage, SHARE.direct, DIRECT_STREAM),
            ...DUPLICATE_WINDOW,
            subjects: ["direct.>"],
            no_ack: true,
          },
        ]),
    { ...stream(storage, SHARE.intake, INTAKE_STREAM), ...NOT_EMPTIED, sources },
    {
      ...stream(storage, SHARE.ops, OPS_STREAM),
      ...NOT_EMPTIED,
      subjects: ["ops.>"],
      allow_direct: true,
      republish: { src: ">", dest: "live.>" },
      sources: [eventSource, ...stored.concat(live).flatMap(extraSources)],
    },
  ];
  const local =
    (most?: number) =>
    ({ stream, consumer: name, deliver, from }: Source) => ({
      stream,
      config: consumer(name, deliver, [from], most),
      remote: false,
    });
  const consumers = [...own.map(local()), ...direct.map(local(underWay))];
  const taken = eventSource.subject_transforms.map(({ src }) => src);
  const { name, deliver_subject } = eventSource.consumer;
  consumers.push({ stream: INTAKE_STREAM, config: consumer(name, deliver_subject, taken), remote: false });
  return {
    streams: streams.map((config) => ({
      config,
      origin: config.name !== INTAKE_STREAM && config.name !== OPS_STREAM,
    })),
    consumers,
    reader: INTAKE_STREAM,
    ...(storage.replicas >= 3 ? { brake: brake(storage) } : {}),
  };
}

/**
 * What of the intake is an event: the cluster's token is taken from the name that it is filed under, not from what it says
 * of itself. The same for every list of edges, so that `ops` never loses its place.
 */
const eventSource = {
  name: INTAKE_STREAM,
  consumer: { name: OPS_STREAM, deliver_subject: "to-ops.events" },
  subject_transforms: [
    { src: "in.*.ops.clusters.*.>", dest: "ops.clusters.$1.>" },
    { src: "in.*.ops.notifications.>", dest: "ops.notifications.>" },
  ],
};

const brake = ({ claim }: PrimaryStorage): Brake => ({
  stream: INTAKE_STREAM,
  account: STORE_ACCOUNT,
  above: Math.floor(bytes(claim.size) * LOG_SHARE),
});

/** Subjects that an edge may publish beside events. */
function extraSources({ name, publish }: PrimaryStorage["edges"][number]) {
  return withoutCovered(publish).map((subject) => ({
    name: INTAKE_STREAM,
    subject_transforms: [{ src: `in.${name}.${subject}`, dest: numbered(subject) }],
  }));
}
