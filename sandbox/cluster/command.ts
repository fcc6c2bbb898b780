// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { ExecaError, execa } from "execa";

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Runs a program to its end and gives what it printed; its complaint becomes the error's text. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    const { stdout } = await execa(program, args, {
      input: options.input ?? "",
      timeout: options.timeout ?? 60_000,
      ...(options.env === undefined ? {} : { env: options.env, extendEnv: false }),
    });
    return stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const said = `${error.stderr ?? ""}`.trim() || `${error.stdout ?? ""}`.trim();
    throw new Error(
      `${program} ${args.join(" ")}: ${error.originalMessage ?? error.shortMessage}${said && `\n${said}`}`,
    );
  }
}

/** For clean-up, where what is already gone is no error. */
export async function attempt(program: string, args: readonly string[], options: RunOptions = {}): Promise<boolean> {
  return run(program, args, options).then(
    () => true,
    () => false,
  );
}
