import type { Json } from '../../domain/json/json.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { DeniedPart } from '../../domain/policy/judge-method.ts';
import type { Clock } from '../../ports.ts';
import { cut } from '../../text/cut.ts';

/** Something that an agent made a server do, or that policy kept it from. */
export interface MethodNote {
  readonly type: 'method.denied' | 'method.relayed' | 'method.would_deny' | 'prompt.got' | 'resource.read';
  readonly grant: string;
  readonly server: string;
  /** As the event shows it; for what is no method, what it was: `GET`, `answer`. */
  readonly method: string;
  /** null: no revision of MCP defines it. An agent can make up any number of them, so together they are one kind. */
  readonly countedAs: string | null;
  /** What of it policy denied; null: nothing, so it was relayed. */
  readonly denied: DeniedPart['kind'] | null;
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
/** Bytes of names that a line holds; a request that names more gets several lines. */
const NAMES_BYTES = 16 * 1024;
/** How many of the different names a line with a count keeps and how many it counts, and how many characters of each. */
const KEPT_NAMES = { most: 20, counted: 1_000, length: 256 } as const;

/** The subject of a line that counts what too many kinds of callers did. */
const EVERYBODY = { grant: null, server: null, method: 'several', denied: null } as const;

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
 * Writes what agents do besides calling tools. Each is an event of its own up to ten lines a second; beyond that the rest of
 * the second is one event that says how many, from when to when, and names the first twenty different ones and says how
 * many more there were. No count is lost while the process lives, and an agent can neither flood the log nor fill the memory.
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
      const parts = namesData(note.names());
      tally.lines += parts.length;
      for (const part of parts) this.#write(eventOf(note, now, part));
      return;
    }
    if (tally.times === 0) tally.first = now.getTime();
    tally.times += 1;
    tally.last = now.getTime();
    if (tally.names.size >= KEPT_NAMES.counted) return;
    for (const name of note.countedAs === null ? [note.method] : note.names()) {
      if (tally.names.size >= KEPT_NAMES.counted) break;
      tally.names.add(cut(name, KEPT_NAMES.length));
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
    let key = JSON.stringify([note.grant, note.server, note.type, note.denied, note.countedAs]);
    const crowded = this.#tallies.size >= MOST_TALLIES && !this.#tallies.has(key);
    if (crowded) key = note.type;
    const tally = this.#tallies.get(key);
    if (tally !== undefined && isOpen(tally, now)) return tally;
    if (tally !== undefined) this.#close(tally);
    const spanMs = note.noise && !crowded ? MINUTE_MS : SECOND_MS;
    const subject = crowded ? EVERYBODY : note.countedAs === null ? { method: 'unknown methods' } : {};
    const fresh = {
      since: now,
      note: { ...note, ...subject, data: {} },
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
    this.#write(eventOf(note, new Date(last), { grouped: true, ...counted, ...countedNames(names) }));
  }
}

/** The first names, and how many more there were. `orMore`: so many that they were not counted to the end. */
function countedNames(names: ReadonlySet<string>): { readonly [name: string]: Json } {
  if (names.size === 0) return {};
  const moreNames = names.size - KEPT_NAMES.most;
  const rest = moreNames <= 0 ? {} : { moreNames, ...(names.size < KEPT_NAMES.counted ? {} : { orMore: true }) };
  return { names: [...names].slice(0, KEPT_NAMES.most), ...rest };
}

/** A clock that went back ends the tally too: a count must not wait for hours. */
function isOpen({ since, spanMs }: MethodTally, now: number): boolean {
  return now >= since && now - since < spanMs;
}

function eventOf(
  { type, grant, server, method, denied, data }: Counted,
  at: Date,
  more: { [name: string]: Json },
): NewEvent {
  return {
    ...NO_SUBJECT,
    type,
    at,
    actor: grant === null ? 'unknown' : `grant:${grant}`,
    server,
    grant,
    data: { method, ...(denied === null ? {} : { denied }), ...data, ...more },
  };
}

/** All names, on as many lines as they need. */
function namesData(names: readonly string[]): { readonly [name: string]: Json }[] {
  if (names.length === 0) return [{}];
  if (names.length === 1) return [{ name: names[0]! }];
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const name of names) {
    bytes += Buffer.byteLength(name);
    if (bytes > NAMES_BYTES) {
      parts.push([]);
      bytes = Buffer.byteLength(name);
    }
    parts.at(-1)!.push(name);
  }
  const count = names.length;
  if (parts.length === 1) return [{ names, count }];
  return parts.map((some, at) => ({ names: some, count, part: at + 1, parts: parts.length }));
}
