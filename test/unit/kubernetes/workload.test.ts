// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readWorkload } from "../../../kubernetes/workload.ts";
import { ago, event, pod } from "../../harness/pods.ts";

describe("what is read of a workload", () => {
  const asked: unknown[] = [];
  beforeEach(() => asked.splice(0));
  const gives =
    <T>(what: string, ...items: T[]) =>
    async (request: object) => {
      asked.push([what, request]);
      return { items };
    };
  const forbidden = async () => {
    throw Object.assign(new Error("HTTP-Code: 403\nMessage: much more"), { code: 403 });
  };
  const ended = { exitCode: 1, finishedAt: ago(3) };
  const crashed = pod([{ state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: ended } }]);
  const core = {
    listNamespacedPod: gives("pods", crashed),
    listNamespacedPersistentVolumeClaim: gives("claims"),
    listNamespacedService: gives("services"),
    listNamespacedEvent: gives("events", event("nats-0", "Failed", "no")),
    readNamespacedPodLog: async (request: object) => {
      asked.push(["log", request]);
      return "first\nlast";
    },
  } as unknown as Parameters<typeof readWorkload>[0];
  const apps = {
    listNamespacedStatefulSet: gives("sets"),
    listNamespacedReplicaSet: gives("replicas"),
  } as unknown as Parameters<typeof readWorkload>[1];

  it("all objects of the selector, the namespace's events, the log of the run that crashed", async () => {
    const seen = await readWorkload(core, apps, "events", "app=nats");
    const of = { namespace: "events", labelSelector: "app=nats" };
    assert.deepEqual(asked, [
      ...["pods", "sets", "replicas", "claims", "services"].map((what) => [what, of]),
      ["events", { namespace: "events" }],
      ["log", { namespace: "events", name: "nats-0", container: "nats", previous: true, tailLines: 5 }],
    ]);
    assert.deepEqual([seen.pods, seen.events.length, seen.unread], [[crashed], 1, []]);
    assert.deepEqual(seen.logs, { "nats-0/nats": "first\nlast" });
  });

  it("goes on without what may not be read, and names it; a log that is gone is none", async () => {
    const some = { ...core, listNamespacedEvent: forbidden, readNamespacedPodLog: forbidden } as unknown as typeof core;
    const seen = await readWorkload(some, apps, "events", "app=nats");
    assert.deepEqual(seen.unread, ["events in events cannot be read (forbidden)"]);
    assert.deepEqual([seen.pods, seen.events, seen.logs], [[crashed], [], { "nats-0/nats": "" }]);
  });

  it("fails where not even pods may be read", async () => {
    const none = { ...core, listNamespacedPod: forbidden } as unknown as typeof core;
    await assert.rejects(readWorkload(none, apps, "events", "app=nats"), /403/);
  });
});
