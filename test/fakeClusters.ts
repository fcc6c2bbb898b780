// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { mock } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../components/release.ts";

/** The cluster of stack edge-1, which may be asked for nothing. */
export const untouched: Cluster = {
  stack: "organization/ops-nats/edge-1",
  namespaces: () => assert.fail("not asked for"),
  helmRecords: () => assert.fail("not asked for"),
  runningServers: () => assert.fail("not asked for"),
  claims: () => assert.fail("not asked for"),
  serverPods: () => assert.fail("not asked for"),
  touchPods: () => assert.fail("not asked for"),
};

/** A cluster that fails whatever it is asked for, and what it was asked for. */
export function unreachable(): { readonly far: Cluster; readonly asked: string[] } {
  const asked: string[] = [];
  const silent = (what: string) => async (namespace: string, release: string) => {
    asked.push(`${what} ${namespace} ${release}`);
    throw new Error("connect ECONNREFUSED\nand more");
  };
  const far: Cluster = {
    stack: "organization/ops-nats/edge-1",
    namespaces: async (secret) => {
      asked.push(`namespaces ${secret}`);
      throw new Error("secrets is forbidden");
    },
    helmRecords: silent("records"),
    runningServers: silent("set"),
    claims: silent("claims"),
    serverPods: silent("servers"),
    touchPods: silent("pods"),
  };
  return { far, asked };
}

/** What is warned of while something is done. */
export async function warnings(act: () => Promise<unknown>): Promise<readonly string[]> {
  const warn = mock.method(pulumi.log, "warn", async () => {});
  try {
    await act();
  } finally {
    warn.mock.restore();
  }
  return warn.mock.calls.map(({ arguments: [text] }: { arguments: unknown[] }) => String(text));
}
