// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";

export interface TarEntry {
  /** Without a slash before it. */
  readonly name: string;
  readonly mode?: number;
  /** A file's content; nothing for a folder. */
  readonly content?: Buffer;
  /** What a symbolic link points at. */
  readonly target?: string;
}

/** The same entries give the same bytes: no time of day, no owner. */
export async function tar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  const bytes = buffer(archive);
  for (const { name, mode, content, target } of entries) {
    const common = { name, mtime: new Date(0) };
    if (target !== undefined) archive.entry({ ...common, type: "symlink", linkname: target });
    else if (content !== undefined) archive.entry({ ...common, mode: mode ?? 0o644 }, content);
    else archive.entry({ ...common, type: "directory", mode: mode ?? 0o755 });
  }
  archive.finalize();
  return bytes;
}
