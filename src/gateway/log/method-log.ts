import type { Json } from '../../domain/json/json.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Clock } from '../../ports.ts';

/** Something that an agent made a server do, or that policy kept it from. */
export interface MethodNote {
  readonly type: 'method.denied' | 'method.relayed' | 'prompt.got' | 'resource.read';
  readonly grant: string;
  readonly server: string;
  /** As the event shows it; for what is no method, what it was: `GET`, `answer`. */
  readonly method: string;
  /** null: no revision of MCP defines it. An agent can make up any number of them, so together they are one kind. */
  readonly kind: string | null;
  /** Clients send it all the time and it makes the server do nothing: counted by the minute. */
  readonly noise: boolean;
  /** What it named, as events may hold it: URIs, names of prompts. Called only where they are kept. */
  readonly names: () => readonly string[];
  readonly data: { readonly [name: string]: Json };
}

/** Lines a second for one grant, server, type of event and method; the rest of the second is one line with a count. */
const LINES = 10;
const SECOND_MS = 1_000;
/** Pings and notifications of the protocol: one line, then one a minute with a count. */
const MINUTE_MS = 60_000;
/** How many kinds are counted separately: grants and servers are the operator's, the methods those of MCP. */
const MOST_TALLIES = 10_000;
/** How many of the different names a line with a count keeps, and how many characters of each. */
const KEPT_NAMES = { most: 20, length: 256 } as const;

/** The subject of a line that counts what too many kinds of callers did. */
const EVERYBODY = { grant: null, server: null, method: 'several' } as const;

type Counted = Omit<MethodNote, 'grant' | 'server'> & { readonly grant: string | null; readonly server: string | null };

interface MethodTally {
  readonly since: number;
  /** What stands in the line with the count. */
  readonly note: Counted;
  readonly spanMs: number;
  lines: number;
  /** Those that are not logged yet. */
  times: number;
  first: number;
  last: number;
  readonly names: Set<string>;
}

/**
 * Writes what agents do besides calling tools. Each is an event of its own up to ten a second; beyond that the rest of
 * the second is one event that says how many, from when to when, and names the first twenty different ones. No count is
 * lost while the process lives, and an agent can neither flood the log nor fill the memory.
 */
export class MethodLog {
  readonly #write: (event: NewEvent) => void;
  readonly #clock: Clock;
  readonly #tallies = new Map<string, MethodTally>();

  constructor(write: (event: NewEvent) => void, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
  }

  note(note: MethodNote): void {
    const now = this.#clock.now();
    const tally = this.#tallyOf(note, now.getTime());
    if (tally.lines < (tally.spanMs === MINUTE_MS ? 1 : LINES)) {
      tally.lines += 1;
      this.#write(eventOf(note, now, namesData(note.names())));
      return;
    }
    if (tally.times === 0) tally.first = now.getTime();
    tally.times += 1;
    tally.last = now.getTime();
    if (tally.names.size >= KEPT_NAMES.most) return;
    for (const name of note.kind === null ? [note.method] : note.names()) {
      if (tally.names.size >= KEPT_NAMES.most) break;
      tally.names.add(name.slice(0, KEPT_NAMES.length));
    }
  }

  /** Logs what was only counted, once its second or minute is over; `all`: at once. */
  flush(all = false): void {
    const now = this.#clock.now().getTime();
    for (const [key, tally] of this.#tallies) {
      if (!all && isOpen(tally, now)) continue;
      this.#tallies.delete(key);
      this.#close(tally);
    }
  }

  #tallyOf(note: MethodNote, now: number): MethodTally {
    let key = JSON.stringify([note.grant, note.server, note.type, note.kind]);
    const crowded = this.#tallies.size >= MOST_TALLIES && !this.#tallies.has(key);
    if (crowded) key = note.type;
    const tally = this.#tallies.get(key);
    if (tally !== undefined && isOpen(tally, now)) return tally;
    if (tally !== undefined) this.#close(tally);
    const spanMs = note.noise && !crowded ? MINUTE_MS : SECOND_MS;
    const kind = crowded ? EVERYBODY : note.kind === null ? { method: 'unknown methods' } : {};
    const fresh = {
      since: now,
      note: { ...note, ...kind, data: {} },
      spanMs,
      lines: 0,
      times: 0,
      first: now,
      last: now,
      names: new Set<string>(),
    };
    this.#tallies.set(key, fresh);
    return fresh;
  }

  #close({ note, times, first, last, names }: MethodTally): void {
    if (times === 0) return;
    const counted = { times, first: new Date(first).toISOString(), last: new Date(last).toISOString() };
    const some = names.size === 0 ? {} : { names: [...names] };
    this.#write(eventOf(note, new Date(last), { grouped: true, ...counted, ...some }));
  }
}

/** A clock that went back ends the tally too: a count must not wait for hours. */
function isOpen({ since, spanMs }: MethodTally, now: number): boolean {
  return now >= since && now - since < spanMs;
}

function eventOf({ type, grant, server, method, data }: Counted, at: Date, more: { [name: string]: Json }): NewEvent {
  return {
    ...NO_SUBJECT,
    type,
    at,
    actor: grant === null ? 'unknown' : `grant:${grant}`,
    server,
    grant,
    data: { method, ...data, ...more },
  };
}

function namesData(names: readonly string[]): { [name: string]: Json } {
  if (names.length === 0) return {};
  if (names.length === 1) return { name: names[0]! };
  return { names: names.slice(0, KEPT_NAMES.most), count: names.length };
}
