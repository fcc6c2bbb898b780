// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { fileURLToPath } from "node:url";

let made: Promise<string> | undefined;

/**
 * The controller with all that it uses, as one CommonJS file for Node 20 and later: what the lock file names, byte for byte the same on each machine.
 * @throws Error of esbuild, as where a file is missing
 */
export function bundle(): Promise<string> {
  made ??= build();
  return made;
}

async function build(): Promise<string> {
  const esbuild = await import("esbuild"); // when it is needed: a refused setting needs none
  const { outputFiles } = await esbuild.build({
    entryPoints: [fileURLToPath(new URL("../controller/main.ts", import.meta.url))],
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)), // paths of a machine are not to stand in it
    bundle: true,
    minify: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "cjs",
    legalComments: "none",
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild gave no file");
  return file.text;
}
