// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

export type Level = "info" | "warn" | "error";

/** Where lines go: one each, without its end. */
export type Write = (line: string) => void;

/** Characters of one message: what an edge answers may be anything. */
const LONGEST = 1000;

/** What others have said, as it may be shown: printable ASCII, and not too much of it. */
export const clean = (text: string, longest = LONGEST): string => text.slice(0, longest).replace(/[^ -~]/g, " ");

/** Lines of JSON with the time (RFC 3339), a level and a message, of printable ASCII. A problem that lasts is told once a minute. */
export class Log {
  readonly #write: Write;
  readonly #now: () => number;
  /** By whose they are: problems, and when each was told last. */
  readonly #told = new Map<string, Map<string, number>>();

  constructor(write: Write = (line) => void process.stdout.write(`${line}\n`), now = Date.now) {
    this.#write = write;
    this.#now = now;
  }

  say(level: Level, message: string): void {
    this.#write(JSON.stringify({ time: new Date(this.#now()).toISOString(), level, message: clean(message) }));
  }

  /**
   * All problems that there are now: those that are new, and those that were told a minute ago.
   * @param of whose they are: each has its own
   */
  problems(texts: readonly string[], of = ""): void {
    const now = this.#now();
    const told = this.#told.get(of) ?? new Map<string, number>();
    this.#told.set(of, told);
    for (const text of told.keys()) if (!texts.includes(text)) told.delete(text);
    for (const text of texts) {
      if (now - (told.get(text) ?? Number.NEGATIVE_INFINITY) < 60_000) continue;
      told.set(text, now);
      this.say("warn", text);
    }
  }
}
