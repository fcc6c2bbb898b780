import { setTimeout as pause } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { Flow } from "../durability/flow.ts";
import { judge, Live, readStream } from "../durability/ledger.ts";
import type { Installation } from "./installation.ts";
import { installed } from "./installed.ts";
import { until } from "./until.ts";
import { onEachVersion } from "./versions.ts";

async function scenario(nats: Installation, title: string, edges: string[], act: () => Promise<void>, rate = 1500) {
  const connect = (where: string, o?: number) => async () => {
    const servers = nats.cluster(where).servers;
    const n = o ?? Math.floor(Math.random() * servers.length);
    for (let i = 0; i < servers.length; i++) {
      try {
        return await nats.client(servers[(n + i) % servers.length]!);
      } catch (e) {
        if (i === servers.length - 1) throw e;
      }
    }
    throw new Error("none");
  };
  const live = new Live();
  const tag = `${title}-${Date.now().toString(36)}`.replaceAll(" ", "_");
  const lc = await connect("primary", 2)();
  await live.on(lc, "ops.>");
  const flows = edges.flatMap((e) => [
    new Flow(
      `${tag}.${e}.steady`,
      `ops.clusters.${e}.namespaces.x`,
      { rate, size: 300, connectionEach: false },
      connect(e),
    ),
    new Flow(
      `${tag}.${e}.each`,
      `ops.clusters.${e}.namespaces.x`,
      { rate: 50, size: 300, connectionEach: true },
      connect(e),
    ),
  ]);
  flows.forEach((f) => f.start());
  await pause(1500);
  await act();
  await pause(2000);
  await Promise.all(flows.map((f) => f.stop()));
  const app = await connect("primary", 0)();
  for (const e of edges) {
    const sent = flows.filter((f) => f.subject.includes(`.${e}.`)).flatMap((f) => f.sent);
    const own =
      e === "primary"
        ? undefined
        : (await readStream(await connect(e)())).map((k) => k.id).filter((id) => id.startsWith(tag));
    const filter = `ops.clusters.${e}.>`;
    const t0 = Date.now();
    let n = 0;
    const wantN = own?.length ?? sent.length;
    await until(
      "all",
      async () => {
        const found = (await readStream(app, filter)).filter((k) => k.id.startsWith(tag));
        n = found.length;
        return new Set(found.map((k) => k.id)).size >= wantN || (own === undefined && Date.now() - t0 > 15000);
      },
      () => `${n} of ${wantN}`,
      180,
    ).catch((err) => console.log(String(err)));
    const found = (await readStream(app, filter)).filter((k) => k.id.startsWith(tag));
    const v = judge(sent, own ?? found.map((k) => k.id), found);
    console.log(
      title,
      e,
      JSON.stringify(v),
      "live missed",
      live.missed(found.map((k) => k.id)),
      "doubled",
      live.doubled(found.map((k) => k.id)),
      "settled after",
      ((Date.now() - t0) / 1000).toFixed(1),
      "refused",
      flows.reduce((s, f) => s + f.refused, 0),
    );
  }
}
onEachVersion("CHAOS", (version) => {
  const nats = installed(version, {
    listed: ["edge-1", "edge-2"],
    edges: ["edge-1", "edge-2"],
    primary: { persistence: { enabled: true, size: "2Gi" } },
  });
  const leader = async (stream: string) => {
    const m = await jetstreamManager(
      await nats()
        .client(nats().server("primary", 0))
        .catch(() => nats().client(nats().server("primary", 1))),
    );
    return (await m.streams.info(stream)).cluster?.leader;
  };
  it("x", async function () {
    this.timeout(900_000);
    const E = ["edge-1", "edge-2", "primary"];
    const which = process.env.SCEN ?? "all";
    const on = (n: string) => which === "all" || which.split(",").includes(n);
    if (on("calm")) await scenario(nats(), "calm", E, () => pause(3000));
    if (on("cut5"))
      await scenario(nats(), "cut5", E, async () => {
        nats().nodePort.break();
        await pause(5000);
        nats().nodePort.mend();
      });
    if (on("cut20"))
      await scenario(nats(), "cut20", E, async () => {
        nats().nodePort.break();
        await pause(20000);
        nats().nodePort.mend();
        await pause(4000);
      });
    if (on("kill1"))
      await scenario(nats(), "kill ops leader", E, async () => {
        const l = await leader("ops");
        const s = nats()
          .cluster("primary")
          .servers.find((x) => x.name === l)!;
        console.log("killing", l);
        await s.kill();
        await pause(8000);
        await s.start();
        await pause(5000);
      });
    if (on("roll"))
      await scenario(nats(), "rolling", E, async () => {
        for (const s of nats().cluster("primary").servers) {
          await s.kill();
          await pause(1500);
          await s.start();
          await pause(4000);
        }
      });
    if (on("killall"))
      await scenario(nats(), "kill all", E, async () => {
        await nats().cluster("primary").kill();
        await pause(3000);
        await nats().cluster("primary").start();
        await pause(5000);
      });
    if (on("edgekill"))
      await scenario(nats(), "edge kill", E, async () => {
        const s = nats().server("edge-1");
        await s.kill();
        await pause(2000);
        await s.start();
        await pause(3000);
      });
    if (on("add"))
      await scenario(nats(), "add edge", E, async () => {
        await nats().list(["edge-1", "edge-2", "edge-3"]);
        await pause(3000);
        await nats().list(["edge-1", "edge-2"]);
        await pause(3000);
        await nats().list(["edge-1", "edge-2", { name: "edge-4", persistence: false }]);
        await pause(3000);
      });
    console.log(nats().keeper("primary").log.split("\n").slice(-30).join("\n"));
    for (const s of [...nats().cluster("primary").servers, nats().server("edge-1"), nats().server("edge-2")]) {
      const bad = s.log.split("\n").filter((l) => /drop|\[ERR\]|stall/i.test(l) && !/route|refused/.test(l));
      if (bad.length) console.log(s.name, bad.slice(0, 6).join("\n"));
    }
  });
});
