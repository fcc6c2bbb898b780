// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { bridge } from "./cluster/layout.ts";

/** Nothing behind a proxy can reach these: this machine, and the sandbox's clusters. */
const OWN = ["localhost", "127.0.0.1", bridge.range];

/**
 * For the environment of programs that speak to the sandbox's clusters or to each other: keeps them off the proxy.
 * @returns NO_PROXY and no_proxy (programs read one or the other), or nothing where no proxy is set
 */
export function besideProxy(env: Readonly<NodeJS.ProcessEnv> = process.env): Record<string, string> {
  const proxied = ["http_proxy", "https_proxy", "all_proxy"].some((name) => env[name] || env[name.toUpperCase()]);
  if (!proxied) return {};
  const given = [env.NO_PROXY, env.no_proxy].flatMap((list) => list?.split(",") ?? []).map((entry) => entry.trim());
  const list = [...new Set([...given.filter(Boolean), ...OWN])].join(",");
  return { NO_PROXY: list, no_proxy: list };
}
