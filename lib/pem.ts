// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { X509Certificate } from "node:crypto";

/** The certificates of a text in PEM, each as it stands there; what people put between them goes. */
export const certificateTexts = (text: string): readonly string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** What is read of a text; undefined where it cannot be read: what is wrong with it its caller says. */
export function parsed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The first certificate of a text; undefined where it is none. */
export const certificateOf = (text: string): X509Certificate | undefined => parsed(() => new X509Certificate(text));
