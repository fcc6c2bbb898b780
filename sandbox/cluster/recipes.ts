// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { INTERPRETER } from "../toolchain/interpreter.ts";

/**
 * The images that the chart and the controller ask for, made here because no registry is needed: under the names of the real ones, with
 * the programs, paths and entry points that the chart and the guide rely on.
 */
export interface ImageRecipe {
  readonly name: string;
  /** Path in the image -> name in the toolchain. */
  readonly programs: Readonly<Record<string, string>>;
  /** Path in the image -> program of a Debian package; the libraries of them, and of Node, are then there, too. */
  readonly debian?: Readonly<Record<string, string>>;
  /** Path in the image -> text of a script. */
  readonly files: Readonly<Record<string, string>>;
  readonly folders: readonly string[];
  readonly config: {
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
  };
}

export const pauseImage = "docker.io/ops-nats-sandbox/pause:1";

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Options alone mean the server, as in the real image.
const natsEntrypoint = `#!/bin/sh
set -e
case "$1" in -*) set -- nats-server "$@" ;; esac
exec "$@"
`;

function nats(version: string): ImageRecipe {
  return {
    name: `docker.io/library/nats:${version}-alpine`,
    programs: { "usr/local/bin/nats-server": `nats-server-${version}` },
    files: { "usr/local/bin/docker-entrypoint.sh": natsEntrypoint },
    folders: ["etc/nats"],
    config: {
      Env: [path],
      Entrypoint: ["docker-entrypoint.sh"],
      Cmd: ["nats-server", "--config", "/etc/nats/nats-server.conf"],
    },
  };
}

export const recipes: readonly ImageRecipe[] = [
  nats("2.10.20"),
  nats("2.15.3"),
  {
    name: "docker.io/natsio/nats-box:0.14.5",
    programs: { "usr/local/bin/nats": "nats" },
    // its wget is that of busybox, as in the real one; Debian's (1.35) ends with a segmentation fault where it is told `-T`
    debian: { "usr/bin/jq": "jq" },
    files: { "entrypoint.sh": '#!/bin/sh\nexec "$@"\n' },
    folders: ["nsc"],
    config: {
      Env: [path, "NKEYS_PATH=/nsc/nkeys", "XDG_DATA_HOME=/nsc", "XDG_CONFIG_HOME=/nsc/.config"],
      Entrypoint: ["/entrypoint.sh"],
      Cmd: ["sh", "-l"],
      WorkingDir: "/root",
    },
  },
  {
    name: "docker.io/natsio/nats-server-config-reloader:0.15.1",
    programs: { "usr/local/bin/nats-server-config-reloader": "reloader" },
    files: {},
    folders: [],
    config: { Env: [path], Entrypoint: ["/usr/local/bin/nats-server-config-reloader"] },
  },
  {
    name: "docker.io/library/node:24-bookworm-slim",
    programs: { "usr/local/bin/node": INTERPRETER },
    debian: {},
    files: {},
    folders: [],
    config: { Env: [path], Entrypoint: [], Cmd: ["node"] },
  },
  {
    // Holds a pod's namespaces, and takes in the ended processes of pods that share theirs.
    name: pauseImage,
    programs: {},
    files: {},
    folders: [],
    config: {
      Env: [path],
      Entrypoint: ["/bin/sh", "-c", 'trap "exit 0" TERM INT; while :; do sleep 2147483647 & wait $!; done'],
    },
  },
];
