import type { JsonObject } from '../../domain/json/json.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Clock } from '../../ports.ts';

/** A request that a door turned away. */
export interface RefusedRequest {
  readonly door: 'mcp' | 'api' | 'console' | 'metrics';
  readonly status: number;
  /** The name of a configured server; null for a name that the caller made up. */
  readonly server: string | null;
  /** null: the caller presented no known token. */
  readonly grant: string | null;
  /** The address at the other end of the socket; null where the door cannot see it. */
  readonly address: string | null;
  /** One word of a closed list that says why; absent: the status says enough. */
  readonly why?: string;
}

/** Milliseconds within which refusals that look the same become one event with a count. */
const SPAN_MS = 60_000;
/** Milliseconds within which a grant's use of a server, or a read with the admin token, is logged once. */
const USE_MS = 3_600_000;
/** How many different refusals are counted separately. */
const MAX_TALLIES = 1_000;
/** How many addresses are told apart in one count. */
const MAX_ADDRESSES = 1_000;

interface RefusalTally {
  readonly since: number;
  readonly request: RefusedRequest;
  /** How many came since the last event about them. */
  unlogged: number;
  /** Where those came from. */
  readonly addresses: Set<string>;
}

/** Logs who was refused and who got in, each only once in a while, so that nobody can flood the log with requests. */
export class AccessLog {
  readonly #note: (event: NewEvent) => void;
  readonly #clock: Clock;
  readonly #refused = new Map<string, RefusalTally>();
  readonly #used = new Map<string, number>();

  constructor(note: (event: NewEvent) => void, clock: Clock) {
    this.#note = note;
    this.#clock = clock;
  }

  refused(request: RefusedRequest): void {
    if (this.#count(request)) return;
    // With too many kinds, further refusals are distinguished by door and status only.
    const full = this.#refused.size >= MAX_TALLIES;
    const tallied = full ? { ...request, server: null, grant: null } : request;
    if (full && this.#count(tallied)) return;
    this.#refused.set(keyOf(tallied), { since: this.#now(), request: tallied, unlogged: 0, addresses: new Set() });
    this.#noteRefusal(tallied, 1, 1);
  }

  /** Counts it with refusals that look the same; false when none was logged within the minute. */
  #count(request: RefusedRequest): boolean {
    const tally = this.#refused.get(keyOf(request));
    if (tally === undefined) return false;
    tally.unlogged += 1;
    if (tally.addresses.size < MAX_ADDRESSES) tally.addresses.add(request.address ?? 'unknown');
    return true;
  }

  /** This principal called this server. `about`: of the account that it came with. */
  used(grant: string, server: string, about: JsonObject = {}): void {
    if (!this.#first(`grant ${grant} ${server}`)) return;
    const data = { first: true, withinMs: USE_MS, ...about };
    this.#note({ ...this.#blank('grant.used', `grant:${grant}`), server, grant, data });
  }

  /** The admin token, or this other actor, read this. */
  read(what: string, actor = 'admin'): void {
    if (this.#first(`${actor} ${what}`)) this.#note({ ...this.#blank('admin.read', actor), data: { what } });
  }

  /** Logs what was only counted, once its minute is over; `all`: at once. */
  flush(all = false): void {
    const now = this.#now();
    for (const [key, tally] of this.#refused) {
      // A clock that went back ends the minute too: a count must not wait for hours.
      if (!all && now >= tally.since && now - tally.since < SPAN_MS) continue;
      this.#refused.delete(key);
      if (tally.unlogged > 0) this.#noteRefusal(tally.request, tally.unlogged, tally.addresses.size);
    }
  }

  /** True at most once in an hour for each key. */
  #first(key: string): boolean {
    const now = this.#now();
    const last = this.#used.get(key);
    if (last !== undefined && now >= last && now - last < USE_MS) return false;
    this.#used.set(key, now);
    return true;
  }

  /** `addresses`: how many different ones, `MAX_ADDRESSES` at most; `address` is that of the first. */
  #noteRefusal({ door, status, server, grant, address, why }: RefusedRequest, times: number, addresses: number): void {
    const actor = grant === null ? 'unknown' : `grant:${grant}`;
    const count = { door, status, times, addresses, ...(why !== undefined && { why }) };
    if (door === 'console') {
      this.#note({
        ...this.#blank('admin.refused', actor),
        data: { reason: status === 400 ? 'sign-in refused' : 'wrong token', from: address, ...count },
      });
      return;
    }
    this.#note({ ...this.#blank('access.refused', actor), server, grant, data: { ...count, address } });
  }

  #blank(type: NewEvent['type'], actor: string): NewEvent {
    return { ...NO_SUBJECT, type, at: this.#clock.now(), actor, data: {} };
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}

function keyOf({ door, status, server, grant, why }: RefusedRequest): string {
  return JSON.stringify([door, status, server, grant, why ?? null]);
}
