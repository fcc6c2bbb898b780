// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { execa, type Options, type ResultPromise } from "execa";
import { parse, stringify } from "yaml";
import { besideProxy } from "./proxy.ts";
import { PLUGINS } from "./toolchain/pins.ts";
import type { Toolchain } from "./toolchain/toolchain.ts";

const PROJECT = resolve(import.meta.dirname, "..");

/**
 * Everything that Pulumi writes for one purpose (the demo, a test run): stack files, state, passphrase and plugins, all
 * below the ignored folder. The program itself is the project's own, as a user runs it.
 */
export class Workspace {
  readonly folder: string;
  readonly project: string;
  private readonly tools: Toolchain;
  private readonly interpreter: string | undefined;
  private passphrase = "";

  /** @param interpreter the program that the project runs on, if not the machine's own `node` */
  constructor(folder: string, tools: Toolchain, interpreter?: string) {
    this.folder = folder;
    this.project = join(folder, "project");
    this.tools = tools;
    this.interpreter = interpreter;
  }

  /** Makes what is missing; what is there is kept. */
  async prepare(): Promise<void> {
    await mkdir(this.project, { recursive: true });
    await mkdir(join(this.folder, "state"), { recursive: true });
    const secret = join(this.folder, "passphrase");
    if (!existsSync(secret)) await writeFile(secret, randomBytes(24).toString("base64url"), { mode: 0o600 });
    this.passphrase = await readFile(secret, "utf8");
    const definition = parse(await readFile(join(PROJECT, "Pulumi.yaml"), "utf8"));
    await writeFile(join(this.project, "Pulumi.yaml"), stringify({ ...definition, main: PROJECT }));
    if (this.tools.pulumi === undefined) await this.layPlugins();
    if (this.interpreter === undefined) return;
    await mkdir(this.programs, { recursive: true });
    await rm(join(this.programs, "node"), { force: true });
    await symlink(this.interpreter, join(this.programs, "node"));
  }

  /** Folder of programs that go before all others, where there are any. */
  private get programs(): string {
    return join(this.folder, "programs");
  }

  /**
   * Plugins that were built lie where the CLI looks for them, under the versions that the SDKs ask for. The CLI passes
   * over folders that are links, and hard links end at the file system: so real folders of symbolic links.
   */
  private async layPlugins(): Promise<void> {
    for (const [name, version] of Object.entries(PLUGINS)) {
      const folder = join(this.folder, "home/plugins", `resource-${name}-v${version}`);
      const source = join(this.tools.bin, "plugins", name);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      for (const file of await readdir(source)) await symlink(join(source, file), join(folder, file));
    }
  }

  /** The environment in which `pulumi` in the project folder finds this workspace. */
  env(): Record<string, string> {
    const { pulumi, bin } = this.tools;
    // a CLI that was fetched goes before another one on PATH, with its language host
    const fetched = pulumi && isAbsolute(pulumi.command) ? [dirname(pulumi.command)] : [];
    return {
      PULUMI_BACKEND_URL: `file://${join(this.folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: this.passphrase,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_SKIP_CHECKPOINTS: "",
      ...(pulumi ? {} : { PULUMI_HOME: join(this.folder, "home"), PULUMI_IGNORE_AMBIENT_PLUGINS: "1" }),
      ...besideProxy(),
      PATH: [...(this.interpreter === undefined ? [] : [this.programs]), ...fetched, bin, process.env.PATH].join(":"),
    };
  }

  /** Runs `pulumi <args>` in this workspace. */
  pulumi<T extends Options>(args: readonly string[], options?: T): ResultPromise<T & Options> {
    const command = this.tools.pulumi?.command ?? this.tools.program("pulumi");
    const env = { ...this.env(), ...((options?.env ?? {}) as Record<string, string>) };
    return execa(command, [...args], { stdin: "ignore", all: true, ...options, cwd: this.project, env } as T & Options);
  }

  stackFile(stack: string): string {
    return join(this.project, `Pulumi.${stack}.yaml`);
  }

  /** Makes the stack where it is missing and gives it exactly this configuration (without `ops-nats:` in the keys). */
  async configure(stack: string, config: Readonly<Record<string, unknown>>): Promise<void> {
    const file = this.stackFile(stack);
    if (!existsSync(file)) await this.pulumi(["stack", "init", stack]);
    const full = Object.entries(config).map(([key, value]) => [key.includes(":") ? key : `ops-nats:${key}`, value]);
    const now = existsSync(file) ? parse(await readFile(file, "utf8")) : {};
    await writeFile(file, stringify({ ...now, config: Object.fromEntries(full) }));
  }

  async outputs(stack: string): Promise<Record<string, unknown>> {
    const { stdout } = await this.pulumi(["stack", "output", "--json", "--show-secrets", "-s", stack]);
    return JSON.parse(String(stdout));
  }
}
