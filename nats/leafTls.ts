// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { PrimarySettings } from "../config/settings.ts";
import { type Files, type KeyPair, LEAF_KEYS, LEAFS_TLS } from "./files.ts";
import { fullName } from "./names.ts";

/** Where servers find a certificate of somebody else's: below /etc, where the chart's reloader watches mounts. */
const OTHERS = "/etc/nats-leafs-tls";

/** The Secret with a certificate that this program does not make; undefined where it makes it. */
export const othersSecret = ({ tls, release }: Pick<PrimarySettings, "tls" | "release">): string | undefined =>
  !tls.enabled ? undefined : (tls.secretName ?? (tls.issuerRef && `${fullName(release)}-leafs-tls`));

/** Whether servers show a certificate of the program's to edges. */
export const madeHere = (settings: PrimarySettings): boolean =>
  settings.tls.enabled && othersSecret(settings) === undefined;

/** Entries that servers are given. */
export const shownFiles = (settings: PrimarySettings, files: Files): Files =>
  madeHere(settings) ? files : Object.fromEntries(Object.entries(files).filter(([key]) => !LEAF_KEYS.includes(key)));

/** What servers show to leafs: entries of the Secret that they mount, another Secret, and the files by which their configuration names it. */
export function shown(settings: PrimarySettings) {
  const secretName = othersSecret(settings);
  const others: KeyPair = { cert_file: `${OTHERS}/tls.crt`, key_file: `${OTHERS}/tls.key` };
  return {
    files: madeHere(settings) ? LEAF_KEYS : [],
    secret: secretName === undefined ? undefined : { secretName, mountPath: OTHERS },
    tls: !settings.tls.enabled ? undefined : secretName === undefined ? LEAFS_TLS : others,
  };
}

/** The name of the Certificate that cert-manager is asked for, and of its Secret; undefined where it is asked for none. */
export const certificateAsked = (settings: Pick<PrimarySettings, "tls" | "release">): string | undefined =>
  settings.tls.issuerRef === undefined ? undefined : othersSecret(settings);
