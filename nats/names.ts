// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** What the chart calls its objects: the release, which has `nats` put behind it where it lacks it (facts: nats.md 13). */
export const fullName = (release: string): string => (release.includes("nats") ? release : `${release}-nats`);

/** Whose an object is: annotations of all that a stack makes. The id is the stack's own, its name may change. */
export const OWNER = "ops-nats/stack";

export const OWNER_ID = "ops-nats/id";

/** The edge's name, or `primary`: what streams are known by elsewhere. */
export const OWNER_EDGE = "ops-nats/edge";

export const OWNER_RELEASE = "ops-nats/release";

/** The name of all that the controller is made of. */
export const controllerName = (release: string): string => `${fullName(release)}-controller`;

/** The ConfigMap with its plan; its program has one of its own, for each has to fit into a MiB. */
export const planName = (release: string): string => `${controllerName(release)}-plan`;

/** Whose everything is: what the annotations of all objects tell. */
export interface StackMark {
  /** The stack's own id; undefined in the preview before the first `up`. */
  readonly id: string | undefined;
  /** organization/project/stack */
  readonly stack: string;
  /** The edge's name, or `primary`. */
  readonly edge: string;
  readonly release: string;
}

/** The annotations of what a stack makes. */
export const markOf = ({ id, stack, edge, release }: StackMark): Record<string, string> => ({
  [OWNER]: stack,
  [OWNER_ID]: id ?? "(made by the first up)",
  [OWNER_EDGE]: edge,
  [OWNER_RELEASE]: release,
});
