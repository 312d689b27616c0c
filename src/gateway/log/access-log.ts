import type { NewEvent } from '../../domain/log/event.ts';
import type { Clock } from '../../ports.ts';

/** A request that a door turned away. */
export interface RefusedRequest {
  readonly door: 'mcp' | 'api' | 'console' | 'metrics';
  readonly status: number;
  /** A server's name of ours; null for one that the caller made up. */
  readonly server: string | null;
  /** null: the caller showed no token that is known. */
  readonly grant: string | null;
  /** The other end of the socket; null where the door cannot see it. */
  readonly address: string | null;
}

/** Milliseconds within which refusals that look the same are one event with a count. */
const SPAN_MS = 60_000;
/** Milliseconds within which a grant's use of a server, or a read with the admin token, is told once. */
const USE_MS = 3_600_000;
/** Different refusals that are counted apart. */
const MOST = 1_000;

interface RefusalTally {
  readonly since: number;
  readonly turned: RefusedRequest;
  /** Since the last event about it. */
  untold: number;
}

/**
 * Who was turned away, and who came in: told once in a while each, so that nobody can fill the log by knocking.
 */
export class AccessLog {
  readonly #note: (event: NewEvent) => void;
  readonly #clock: Clock;
  readonly #refused = new Map<string, RefusalTally>();
  readonly #used = new Map<string, number>();

  constructor(note: (event: NewEvent) => void, clock: Clock) {
    this.#note = note;
    this.#clock = clock;
  }

  refused(turned: RefusedRequest): void {
    if (this.#count(turned)) return;
    // Too many kinds to tell apart: from here on only door and status are.
    const full = this.#refused.size >= MOST;
    const told = full ? { ...turned, server: null, grant: null } : turned;
    if (full && this.#count(told)) return;
    this.#refused.set(keyOf(told), { since: this.#now(), turned: told, untold: 0 });
    this.#tell(told, 1);
  }

  /** False when nothing like it was told within the minute. */
  #count(turned: RefusedRequest): boolean {
    const known = this.#refused.get(keyOf(turned));
    if (known !== undefined) known.untold += 1;
    return known !== undefined;
  }

  /** This grant called this server. */
  used(grant: string, server: string): void {
    if (!this.#first(`grant ${grant} ${server}`)) return;
    const data = { first: true, withinMs: USE_MS };
    this.#note({ ...this.#blank('grant.used', `grant:${grant}`), server, grant, data });
  }

  /** The admin token read this. */
  read(what: string): void {
    if (this.#first(`admin ${what}`)) this.#note({ ...this.#blank('admin.read', 'admin'), data: { what } });
  }

  /** Says what was only counted, once its minute is over; `all`: at once. */
  settle(all = false): void {
    const now = this.#now();
    for (const [key, tally] of this.#refused) {
      if (!all && now - tally.since < SPAN_MS) continue;
      this.#refused.delete(key);
      if (tally.untold > 0) this.#tell(tally.turned, tally.untold);
    }
  }

  #first(key: string): boolean {
    const now = this.#now();
    const last = this.#used.get(key);
    if (last !== undefined && now - last < USE_MS) return false;
    this.#used.set(key, now);
    return true;
  }

  #tell({ door, status, server, grant, address }: RefusedRequest, times: number): void {
    const actor = grant === null ? 'unknown' : `grant:${grant}`;
    this.#note({ ...this.#blank('access.refused', actor), server, grant, data: { door, status, times, address } });
  }

  #blank(type: NewEvent['type'], actor: string): NewEvent {
    const nothing = { approval: null, server: null, tool: null, grant: null };
    return { ...nothing, type, at: this.#clock.now(), actor, data: {} };
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}

function keyOf({ door, status, server, grant }: RefusedRequest): string {
  return JSON.stringify([door, status, server, grant]);
}
