// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { BlockList, isIP } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import type * as Yaml from "yaml";
import { PlainError } from "../lib/plainError.ts";

/**
 * Loads what Pulumi's provider would: `kubeconfig` is a path (`~` too) or the text itself, without it what kubectl would use;
 * `context` and `cluster` choose from it. The proxy is the provider's too: that of the kubeconfig, else of the environment.
 * @param empty makes a KubeConfig without anything in it
 */
export function kubeConfig(keys: Readonly<Record<string, string>>, empty: () => KubeConfig): KubeConfig {
  const { kubeconfig, context, cluster } = keys;
  const config = kubeconfig ? loaded(kubeconfig, empty()) : ambient(empty);
  if (context !== undefined) config.setCurrentContext(context);
  if (cluster !== undefined) {
    const current = config.getCurrentContext();
    config.contexts = config.contexts.map((c) => (c.name === current ? { ...c, cluster } : c));
  }
  config.clusters = config.clusters.map((one) => {
    const proxyUrl = one.proxyUrl ?? proxyOf(one.server, process.env);
    // this client refuses plain HTTP, as of `kubectl proxy`, unless it is told that nothing is verified
    const plain = one.server.startsWith("http:") ? { skipTLSVerify: true } : {};
    return { ...one, ...plain, ...(proxyUrl === undefined ? {} : { proxyUrl }) };
  });
  return config;
}

function loaded(kubeconfig: string, config: KubeConfig): KubeConfig {
  const path = kubeconfig.replace(/^~(?=\/)/, homedir());
  try {
    if (existsSync(path)) config.loadFromFile(path);
    else config.loadFromString(path);
  } catch {
    // the parser's own message quotes the lines around, with tokens and keys in them
    throw new PlainError(
      "kubeconfig: expected the path of a kubeconfig, or its text; came what cannot be read as one (not shown); " +
        "next: kubectl config view --kubeconfig <path>",
    );
  }
  return config;
}

/** KUBECONFIG may list several files, of which the first to have a name has it; the client's own merge refuses names twice. */
function ambient(empty: () => KubeConfig): KubeConfig {
  const config = empty();
  const listed = (process.env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  const files = listed.filter((file) => existsSync(file)); // kubectl passes over the others
  if (listed.length < 2) {
    config.loadFromDefault();
    return config;
  }
  const all = files.map((file) => loaded(file, empty()));
  const first = <T extends { name: string }>(lists: readonly (readonly T[])[]): T[] =>
    lists.flat().filter((item, i, flat) => flat.findIndex(({ name }) => name === item.name) === i);
  config.clusters = first(all.map(({ clusters }) => clusters));
  config.users = first(all.map(({ users }) => users));
  config.contexts = first(all.map(({ contexts }) => contexts));
  config.currentContext = all.map((one) => one.getCurrentContext()).find((name) => Boolean(name)) ?? "";
  return config;
}

/** A kubeconfig for a program that runs in the cluster itself: the service account's files, no secret in the text. */
export function inClusterKubeconfig(
  env: NodeJS.ProcessEnv,
  folder = "/var/run/secrets/kubernetes.io/serviceaccount",
): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (!host) {
    throw new PlainError(
      "ops-nats:inCluster: expected to run in a pod (KUBERNETES_SERVICE_HOST is not set); came true; " +
        "next: pulumi config rm ops-nats:inCluster, then pulumi config set kubernetes:context <context>",
    );
  }
  const server = `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const name = "in-cluster";
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority": `${folder}/ca.crt` } }],
    users: [{ name, user: { tokenFile: `${folder}/token`, "token-file": `${folder}/token` } }], // Go's name, and the Node client's
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}

/**
 * The proxy by which Go's clients, the provider's among them, reach a server: HTTPS_PROXY for https, HTTP_PROXY for http, but for
 * what NO_PROXY lists (names with their subdomains, addresses, CIDR, `*`, each perhaps with a port) and this machine itself
 * (golang.org/x/net/http/httpproxy).
 */
export function proxyOf(server: string, env: NodeJS.ProcessEnv): string | undefined {
  if (!URL.canParse(server)) return undefined;
  const { protocol, hostname, port } = new URL(server);
  const proxy = protocol === "https:" ? env.HTTPS_PROXY || env.https_proxy : env.HTTP_PROXY || env.http_proxy;
  if (!proxy) return undefined;
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))) return undefined;
  const at = port || (protocol === "https:" ? "443" : "80");
  const rules = (env.NO_PROXY || env.no_proxy || "").split(",").map((rule) => rule.trim().toLowerCase());
  if (rules.some((rule) => rule !== "" && passedBy(rule, host, at))) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function passedBy(rule: string, host: string, port: string): boolean {
  if (rule === "*") return true;
  const [network = "", bits] = rule.split("/");
  if (bits !== undefined) {
    const family = isIP(network);
    const fits = /^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32);
    if (family === 0 || !fits || isIP(host) !== family) return false;
    const list = new BlockList();
    list.addSubnet(network, Number(bits), family === 6 ? "ipv6" : "ipv4");
    return list.check(host, family === 6 ? "ipv6" : "ipv4");
  }
  const [, name = "", only] = /^(\[.*\]|[^:]*|[^[].*:.*:.*?)(?::([0-9]+))?$/.exec(rule) ?? [];
  const bare = name.replace(/^\[|\]$/g, "");
  if (only !== undefined && only !== port) return false;
  if (isIP(bare) !== 0 || isIP(host) !== 0) return bare === host;
  const suffix = bare.replace(/^\*(?=\.)/, "").replace(/^(?!\.)/, ".");
  return host.endsWith(suffix) || (!bare.startsWith(".") && !bare.startsWith("*") && host === bare);
}

/** The contexts that kubectl would know, in the order of its files; none where these cannot be read. Only their names are looked at. */
export function knownContexts(env: NodeJS.ProcessEnv = process.env): string[] {
  const { parse } = createRequire(import.meta.url)("yaml") as typeof Yaml;
  const files = (env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  const names = (files.length > 0 ? files : [join(homedir(), ".kube", "config")]).flatMap((file): string[] => {
    try {
      const { contexts } = parse(readFileSync(file, "utf8")) as { contexts?: { name?: unknown }[] };
      return (contexts ?? []).map(({ name }) => String(name));
    } catch {
      return []; // one that is missing or no YAML has none to offer
    }
  });
  return [...new Set(names)];
}
