// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createPublicKey } from "node:crypto";
import { Codec } from "@nats-io/nkeys/lib/codec.js";
import { Prefix } from "@nats-io/nkeys/lib/nkeys.js";
import { derived, ed25519 } from "./derived.ts";

/** A login by which nothing secret goes over a link: the server knows the public key, and has what it sends signed. */
export interface Nkey {
  /** `SU…`, 58 characters. */
  readonly seed: string;
  /** `U…`, 56 characters. */
  readonly publicKey: string;
}

/** The login of an edge: the same for the same root key. */
export function edgeNkey(rootKey: string, edge: string): Nkey {
  const secret = derived(rootKey, `login 1 of edge ${edge}`);
  const { x = "" } = createPublicKey(ed25519(secret)).export({ format: "jwk" });
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  return {
    seed: text(Codec.encodeSeed(Prefix.User, secret)),
    publicKey: text(Codec.encode(Prefix.User, Buffer.from(x, "base64url"))),
  };
}
