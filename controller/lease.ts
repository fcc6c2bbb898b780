// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Of coordination.k8s.io/v1 Lease what is used. */
export interface Lease {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion?: string };
  readonly spec?: LeaseSpec;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

/** Reads and writes the one lease; a write of what is not the newest is refused (conflict: false). */
export interface Leases {
  read(): Promise<Lease | undefined>;
  write(lease: Lease): Promise<boolean>;
}

/** Seconds for which a holder that says nothing more is still taken to hold it, for which it may act itself, and between two renewals (as client-go has them). */
const DURATION = 15;
const DEADLINE = 10;
const RENEWED = 2;

/**
 * Of several controllers one acts: STREAM.UPDATE has no comparison with what was read, so two would undo each other's work. As client-go does it, how old a
 * renewal is is measured by one's own clock, from when it was first seen.
 */
export class Turn {
  readonly #leases: Leases;
  readonly #identity: string;
  readonly #uptime: () => number;
  /** What was seen of another holder, and when. */
  #seen: { readonly version: string | undefined; readonly at: number } | undefined;
  /** When it was ours last. */
  #renewed: number | undefined;
  #holder = "nobody";

  /** @param uptime seconds by a clock that nobody sets */
  constructor(leases: Leases, identity: string, uptime: () => number) {
    this.#leases = leases;
    this.#identity = identity;
    this.#uptime = uptime;
  }

  /** Whether it is this one's turn, by what is known without asking. */
  get mine(): boolean {
    return this.#renewed !== undefined && this.#uptime() - this.#renewed < DEADLINE;
  }

  /** Who has it, as it was seen last. */
  get holder(): string {
    return this.#holder;
  }

  /** Takes the lease, or keeps it. @returns whether it is this one's turn */
  async take(date = Date.now()): Promise<boolean> {
    const now = this.#uptime();
    if (this.mine && this.#renewed !== undefined && now - this.#renewed < RENEWED) return true;
    const lease = await this.#leases.read();
    const version = lease?.metadata.resourceVersion;
    const holder = lease?.spec?.holderIdentity;
    this.#holder = holder || "nobody";
    if (holder && holder !== this.#identity) {
      if (this.#seen?.version !== version) this.#seen = { version, at: now };
      if (now - (this.#seen?.at ?? now) < (lease?.spec?.leaseDurationSeconds ?? DURATION)) {
        this.#renewed = undefined;
        return false;
      }
    }
    const time = new Date(date).toISOString().replace("Z", "000Z"); // MicroTime
    const spec = {
      ...(holder === this.#identity ? lease?.spec : { acquireTime: time }),
      holderIdentity: this.#identity,
      leaseDurationSeconds: DURATION,
      renewTime: time,
    };
    const taken = await this.#leases.write({ metadata: lease?.metadata ?? { name: "" }, spec });
    this.#renewed = taken ? now : undefined;
    return taken;
  }

  /** Gives it back, for the next one to begin at once. */
  async give(): Promise<void> {
    if (!this.mine) return;
    this.#renewed = undefined;
    const lease = await this.#leases.read();
    if (lease?.spec?.holderIdentity !== this.#identity) return;
    await this.#leases.write({ ...lease, spec: { ...lease.spec, holderIdentity: "" } });
  }
}
