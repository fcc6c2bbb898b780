// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { isDeepStrictEqual } from "node:util";
import type { Plan } from "../nats/streams.ts";
import { answered, type BrakeAction, type Braking, brake, isLong, PAUSE, RELEASED } from "./brake.ts";
import type { JetStream } from "./jetstream.ts";
import { clean, type Log } from "./log.ts";
import type { Monitor } from "./monitor.ts";
import type { Moment, Observed } from "./observed.ts";
import { type Action, BEGINNING, type Memory, needs, reconcile } from "./reconcile.ts";
import { accountsOf, type Status, statusOf } from "./status.ts";

/** Seconds between two looks at streams: where all is as planned, and where it is not; a server that comes or goes has them looked at at once. */
const SELDOM = 60;
const OFTEN = 3;
/** Seconds of failing after which it is not ready any more. */
const PATIENCE = 60;
/** Looks one after the other, each with what the one before has changed; more than any plan needs. */
const PASSES = 30;
/** Seconds by which the clock of who pauses may be off: it is asked again where it is more. */
const TOLERATED = 15;

export interface Parts {
  readonly plan: Plan;
  readonly jetStream: JetStream;
  readonly monitor: Monitor;
  readonly log: Log;
  readonly clock: () => Moment;
  /** Whether this one may change anything now. */
  readonly mine: () => boolean;
}

/** Looks at a cluster, and does what follows from it. Nothing flows through it, and nothing that it knows has to outlive it. */
export class Controller {
  readonly #parts: Parts;
  #memory: Memory = BEGINNING;
  #braking: Braking = RELEASED;
  #ids: readonly (string | undefined)[] | undefined;
  #looked = Number.NEGATIVE_INFINITY;
  #planned = false;
  /** When it was first found that not all is as planned any more (uptime); undefined until it was. */
  #failing: number | undefined;
  #status: Status | undefined;
  #lastError: Status["lastError"];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Not before all was as planned once, nor when it has not been for {@link PATIENCE}. */
  get ready(): boolean {
    return this.#planned || (this.#failing !== undefined && this.#parts.clock().uptime - this.#failing < PATIENCE);
  }

  get status(): Status | undefined {
    return this.#status && { ...this.#status, lastError: this.#lastError };
  }

  /** What went wrong: in a look, or before one. It is told, at most once a minute, and kept for the status. */
  failed(message: string): void {
    this.#is(false);
    this.#lastError = { time: new Date(this.#parts.clock().date).toISOString(), message: clean(message) };
    this.#parts.log.problems([message], "failed");
  }

  /** Something has happened to a stream or a consumer: the next tick looks. */
  noticed(): void {
    this.#looked = Number.NEGATIVE_INFINITY;
  }

  /** Somebody else acts: what is seen here is not looked after, and not ready. */
  waits(why: string): void {
    this.#is(false);
    this.#parts.log.problems([why], "turn");
  }

  /** To be called each second: looks at streams where it is time to. */
  async tick(): Promise<void> {
    const { monitor, clock } = this.#parts;
    const ids = await monitor.ids();
    const { uptime } = clock();
    const due = uptime - this.#looked >= (this.#planned ? SELDOM : OFTEN);
    if (!due && isDeepStrictEqual(ids, this.#ids)) return;
    this.#ids = ids;
    this.#looked = uptime;
    for (let pass = 0; pass < PASSES; pass++) if (!(await this.#pass(ids))) return;
    throw new Error(`${PASSES} looks, and each changed something: two controllers may undo each other's work`);
  }

  /** One look and what follows from it. @returns whether another one has to follow at once */
  async #pass(ids: readonly (string | undefined)[]): Promise<boolean> {
    const { plan, log, clock, mine } = this.#parts;
    const seen = await this.#observe(ids);
    const now = clock();
    const outcome = reconcile(plan, seen, this.#memory, now);
    const { actions, memory, said, warned, problems, absent } = outcome;
    this.#memory = memory;
    this.#status = statusOf(plan, seen, outcome, now.date);
    if (!mine()) return false; // whose turn it is says what there is to say
    for (const line of warned) log.say("warn", line);
    for (const line of said) log.say("info", line);
    if (actions.length === 0) {
      log.problems(problems);
      const planned = problems.length === 0;
      const but = absent.length > 0 ? ", but those of servers that do not answer" : "";
      if (planned && !this.#planned) log.say("info", `all streams are as planned${but}`);
      this.#is(planned);
      return false;
    }
    this.#is(false);
    for (const action of actions) {
      if (!mine()) return false; // between two of them, for a look may take long
      try {
        await this.#parts.jetStream.perform(action);
      } catch (error) {
        log.problems(problems);
        this.failed(`${failed(action)}: ${(error as Error).message}`);
        return false;
      }
      const told = done(action);
      if (told !== undefined) log.say("info", told);
    }
    return true;
  }

  #is(planned: boolean): void {
    if (this.#planned && !planned) this.#failing = this.#parts.clock().uptime;
    this.#planned = planned;
  }

  async #observe(ids: readonly (string | undefined)[]): Promise<Observed> {
    const { plan, jetStream, monitor, clock } = this.#parts;
    const streams = Object.fromEntries(
      await Promise.all(
        plan.streams.map(async ({ config: { name } }) => [name, await jetStream.stream(name)] as const),
      ),
    );
    const consumers = Object.fromEntries(
      await Promise.all(
        plan.consumers.map(
          async ({ stream, config: { name } }) =>
            [`${stream}.${name}`, await jetStream.consumer(stream, name)] as const,
        ),
      ),
    );
    const wanted = needs(plan, { streams, consumers }, this.#memory, clock());
    const [servers, linked] = await Promise.all([monitor.servers(ids, wanted), monitor.linked()]);
    return { servers, linked, streams, consumers };
  }

  /** To be called each second where logs are kept for replicas. */
  async brake(): Promise<void> {
    const { plan, jetStream, monitor, log, clock, mine } = this.#parts;
    if (plan.brake === undefined || !mine()) return;
    const { account, stream, above } = plan.brake;
    const servers = await monitor.logs(account);
    const long = isLong(above, { servers }, this.#braking);
    const found = long ? await jetStream.stream(stream) : undefined;
    const intake = found?.is === "there" ? found.info : undefined;
    const linked = accountsOf(long ? await monitor.linked() : []);
    const braked = brake(above, { servers, linked, intake }, this.#braking, clock().uptime);
    this.#braking = braked.memory; // before they are asked: an answer may be missed
    for (const line of braked.said) log.say("info", line);
    await Promise.all(
      braked.actions.map(async (action) => {
        const answer = await this.#tell(action);
        this.#braking = answered(this.#braking, action, answer, clock().uptime);
      }),
    );
  }

  async #tell({ do: what, cluster, subject }: BrakeAction): Promise<boolean> {
    const { jetStream, log, clock } = this.#parts;
    const until = (seconds: number) => clock().date + seconds * 1000;
    try {
      if (what === "resume") {
        await jetStream.pause(subject, undefined);
        return true;
      }
      const left = await jetStream.pause(subject, until(PAUSE));
      if (Math.abs(left - PAUSE) <= TOLERATED) return true;
      return (await jetStream.pause(subject, until(2 * PAUSE - left))) > 0;
    } catch (error) {
      const not = what === "pause" ? "does not pause" : "is not told to go on";
      log.problems([`${cluster} ${not}: "${clean((error as Error).message, 200)}"`], cluster);
      return false;
    }
  }
}

function done(action: Action): string | undefined {
  switch (action.do) {
    case "create stream":
      return "sources" in action.config ? `stream ${action.config.name}: made` : undefined; // others are when they have their subjects
    case "create consumer":
      return `consumer ${action.stream}.${action.config.name}: made`;
    case "update consumer":
      return `consumer ${action.stream}.${action.config.name}: changed`;
    case "update stream":
    case "count on":
      return action.said;
    case "publish":
      return undefined;
  }
}

function failed(action: Action): string {
  switch (action.do) {
    case "create stream":
      return `stream ${action.config.name} is not made`;
    case "update stream":
      return `stream ${action.name} is not changed`;
    case "count on":
      return `stream ${action.stream} does not count on`;
    case "create consumer":
      return `consumer ${action.stream}.${action.config.name} is not made`;
    case "update consumer":
      return `consumer ${action.stream}.${action.config.name} is not changed`;
    case "publish":
      return `nothing can be said on ${action.subject}`;
  }
}
