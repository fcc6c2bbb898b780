// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Keys that hold passwords: they may be secret, have to be, and nothing of them is ever shown. */
export const SECRET_KEYS: readonly string[] = ["extraAccounts", "extraRemotes"];

export const NAMESPACE = "ops-nats";

/** What the configuration is read from; everything is text, as the engine and the file give it. */
export interface Source {
  /** The running stack's name without organization and project. */
  readonly stack: string;
  /** The running organization; `organization` on backends of one's own. */
  readonly organization: string;
  readonly project: string;
  /** All configuration of the stack, by full key (`ops-nats:hosts`), as the engine hands it over. */
  readonly config: Readonly<Record<string, string>>;
  /** Full keys that are stored encrypted. */
  readonly secretKeys: ReadonlySet<string>;
  /** The text of Pulumi.edge.yaml, or undefined where there is none. */
  readonly sharedFile: string | undefined;
  /** The contexts that kubectl would know, for the message that none was chosen. */
  readonly contexts: () => readonly string[];
}

export type Keys = Record<string, unknown>;

/** The stack's own keys of our namespace; the engine hands structured values over as JSON text. */
export function ownKeys(source: Source): Keys {
  const prefix = `${NAMESPACE}:`;
  const entries = Object.entries(source.config).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(
    entries.map(([key, text]) => [key.slice(prefix.length), fromText(key.slice(prefix.length), text)]),
  );
}

const TEXT_KEYS = new Set(["role", "namespace", "release", "edge", "adopt", "primaryStack"]);

function fromText(key: string, text: string): unknown {
  if (TEXT_KEYS.has(key)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // the schema then says what was expected instead
  }
}
