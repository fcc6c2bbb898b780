// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { gunzipSync, gzipSync } from "node:zlib";
import { isMap } from "../lib/merge.ts";
import { OWNER, OWNER_ID } from "../nats/names.ts";
import type { Owner } from "./port.ts";

/** What Helm 3 keeps of a revision: JSON, compressed, base64 in a Secret, which is base64 again (helm.sh/helm/v3/pkg/storage/driver). */
const unpack = (record: string): Record<string, unknown> =>
  JSON.parse(gunzipSync(Buffer.from(Buffer.from(record, "base64").toString(), "base64")).toString());

const pack = (release: unknown): string =>
  Buffer.from(gzipSync(JSON.stringify(release)).toString("base64")).toString("base64");

const at = (map: unknown, key: string): unknown => (isMap(map) ? map[key] : undefined);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/**
 * Whose a revision is and how it is described. The mark stands in the values that it was installed with, so that one which Helm has not
 * finished carries it, too.
 * @param record the Secret's `data.release`
 */
export function readRecord(record: string | undefined): { description: string; owner: Owner | undefined } {
  if (record === undefined) return { description: "", owner: undefined };
  let release: Record<string, unknown>;
  try {
    release = unpack(record);
  } catch {
    return { description: "not Helm's", owner: undefined }; // whoever wrote it, it was not this program
  }
  const annotations = ["statefulSet", "merge", "metadata", "annotations"].reduce<unknown>(at, release.config);
  const [id, stack] = [text(at(annotations, OWNER_ID)), text(at(annotations, OWNER))];
  return {
    description: text(at(release.info, "description")) ?? "",
    owner: id === undefined && stack === undefined ? undefined : { id, stack },
  };
}

/** The same revision with another status, as Helm itself would note it (https://helm.sh/docs/helm/helm_status/). */
export function withStatus(record: string, status: string): string {
  const release = unpack(record);
  const info = isMap(release.info) ? release.info : {};
  return pack({ ...release, info: { ...info, status, description: `${status}: interrupted (noted by ops-nats)` } });
}
