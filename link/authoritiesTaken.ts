// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import * as pulumi from "@pulumi/pulumi";
import { certificateOf, certificateTexts } from "../lib/pem.ts";
import { PlainError } from "../lib/plainError.ts";

/** By which an edge's stack tells which CAs its link trusts; what it has no output of, it was never deployed with. */
export const TAKEN = "leafAuthorities";

/** The CAs of a text in PEM, by their SHA-256 (`AB:CD:…`). */
export const fingerprints = (pem: string): readonly string[] =>
  certificateTexts(pem).flatMap((text) => certificateOf(text)?.fingerprint256 ?? []);

/** The outputs of a stack by its full name; undefined where it was never deployed or cannot be read. */
export type OutputsOf = (stack: string) => Promise<Readonly<Record<string, unknown>> | undefined>;

export interface Signing {
  /** The CA that signs the primary's certificate from this `up` on, and the next one; in PEM. */
  readonly authorities: string;
  /** What the stack's last `up` handed out (`leafCa`); undefined where there was none. */
  readonly handedOut: string | undefined;
  readonly edges: readonly string[];
  /** The primary's own stack, organization/project/stack: those of edges are beside it, called as they are. */
  readonly stack: string;
}

/**
 * Refuses to sign with another CA than before while a declared edge does not know that one: its link would end. It was handed out four years before, so
 * an edge's `up` is all that is wanted. What was never handed out no edge can know (another root key, or no `up` for years): that is told, and done.
 * @throws PlainError that names the edges, in previews too
 */
export async function assertTaken(
  { authorities, handedOut, edges, stack }: Signing,
  outputsOf: OutputsOf,
): Promise<void> {
  const [signing] = fingerprints(authorities);
  const [former, ...others] = fingerprints(handedOut ?? "");
  if (signing === undefined || former === undefined || signing === former) return;
  if (!others.includes(signing)) {
    await pulumi.log.warn(
      "the primary's certificate is signed by a CA that edges cannot know yet: until its own pulumi up, no edge has a link",
    );
    return;
  }
  const place = stack.slice(0, stack.lastIndexOf("/"));
  const asked = edges.map(async (edge) => ({ edge, taken: (await outputsOf(`${place}/${edge}`))?.[TAKEN] }));
  const found = await Promise.all(asked);
  const behind = found.flatMap(({ edge, taken }) => (Array.isArray(taken) && !taken.includes(signing) ? [edge] : []));
  const unknown = found.flatMap(({ edge, taken }) => (Array.isArray(taken) ? [] : [edge]));
  if (unknown.length > 0) {
    await pulumi.log.warn(
      `the primary's certificate is signed by the next CA; whether these edges know it cannot be seen here (each one's pulumi up in the last years has told it): ${unknown.join(", ")}`,
    );
  }
  if (behind.length === 0) return;
  const ups = behind.map((edge) => `pulumi up -s ${edge}`).join(" && ");
  throw new PlainError(
    `the CA that signs the primary's certificate from now on: expected edges that know it; came ${behind.join(", ")}, whose stacks say that they do ` +
      `not; nothing was changed; next: who operates them types ${ups} (or take one that is gone out of ops-nats:edges), then pulumi up -s ${stack.split("/").at(-1)}`,
  );
}
