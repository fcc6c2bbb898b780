// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, hkdfSync, type KeyObject } from "node:crypto";

/** 32 secret bytes for one purpose, by HKDF-SHA-256 (RFC 5869): of a stack's root key, and telling nothing of it or of those of other purposes. */
export const derived = (rootKey: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync("sha256", rootKey, "", `ops-nats ${purpose}`, 32));

/** DER of an Ed25519 private key up to its 32 bytes (RFC 8410, section 7). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** @param secret 32 bytes */
export const ed25519 = (secret: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: "der", type: "pkcs8" });
