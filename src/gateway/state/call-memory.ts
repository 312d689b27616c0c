import type { Call } from '../../domain/call/call.ts';
import { aftersFor } from '../../domain/policy/after.ts';
import type { AfterPhase, CallBefore, History } from '../../domain/policy/history.ts';
import { NO_HISTORY } from '../../domain/policy/history.ts';
import {
  LATE_MS,
  latePlaceOf,
  placesFor,
  placesOf,
  type Rememberer,
  type WantedMemory,
} from '../../domain/policy/places.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { type Clock, type Log, type Memories, type Memory, Unavailable } from '../../ports.ts';
import type { Rules } from '../rules.ts';
import { AT_ONE_TIME_MS, type CallEnd, onceASecond } from './heard-call.ts';

/** Places of which this process remembers what it wrote there; the oldest are forgotten first. */
const MOST_KNOWN = 10_000;
/** Milliseconds that a write may take before its time is no longer that of the call, and it is written again. */
const LATEST_MS = 500;
const MOST_WRITES = 3;
/** Milliseconds by which what forbids or asks looks back further: a measured clock is behind by no more than a second. */
const SLACK_MS = 1_000 + AT_ONE_TIME_MS;

/** Who called what, as it is remembered. */
export interface RememberedCaller extends Rememberer {
  readonly server: string;
  readonly tool: string;
}

/** Told of a row that is gone, or is older than what this process wrote in its place. */
export type TellMissing = (row: string, why: string) => void;

/**
 * Remembers calls that some policy asks for later, and reads what was called before. That a call has begun is durable
 * before its bytes leave; that one has succeeded, before the agent has its answer. Nothing is written or read for calls
 * that no policy names.
 *
 * | race | outcome |
 * |---|---|
 * | the earlier call is still under way, here or at another replica | it has begun, so it counts |
 * | two calls at once, each of which is forbidden after the other | each is remembered first and judged again: at most one goes on |
 * | death between remembering and sending | counts as begun: stricter |
 * | death between the answer and remembering its success | does not count as succeeded: stricter |
 * | the outcome is unknown | counts as begun, not as succeeded |
 * | what it brings comes for long, or is fetched later | it counts from when something of it came last |
 * | the store does not answer | the call is not forwarded; a success is not remembered |
 * | somebody deletes a row that this process wrote | it counts all the same, and an alarm is raised |
 * | a row that no gateway wrote | what it would decide fails closed, and an alarm is raised |
 */
export class CallMemory {
  readonly #memories: Memories;
  readonly #rules: Pick<Rules, 'wanted' | 'wantedAt'>;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #missing: TellMissing;
  /** By place: the latest that this process wrote there. */
  readonly #known = new Map<string, Memory>();

  constructor(
    memories: Memories,
    rules: Pick<Rules, 'wanted' | 'wantedAt'>,
    { clock, log }: { readonly clock: Clock; readonly log: Pick<Log, 'warn'> },
    missing: TellMissing,
  ) {
    this.#memories = memories;
    this.#rules = rules;
    this.#clock = clock;
    this.#log = log;
    this.#missing = missing;
  }

  /** Whether some policy wants calls of this tool remembered. */
  wants(server: string, tool: string): boolean {
    return this.#rules.wanted(server, tool).length > 0;
  }

  /**
   * What was called before, as far as the policy asks for it about this call; at once where it asks nothing. `self`: the
   * call's own name in the memory, which does not count; null: it has none yet.
   */
  historyFor(policy: Policy, call: Call, self: string | null): History | Promise<History> {
    const uses = aftersFor(policy, call.tool);
    if (uses.length === 0) return NO_HISTORY;
    const who = { grant: call.principal.grant, session: call.session };
    const places = uses.flatMap(({ after, phase }) => placesFor(after, phase, who, call.server));
    return this.#read([...new Set(places)], who, call.server, self);
  }

  /** Remembers that a call begins; `ref`: how the log finds it. Throws `Unavailable`: then it must not be sent. */
  async begun(caller: RememberedCaller, ref: string): Promise<void> {
    await this.#write(this.#wanted(caller, 'begun'), caller, ref);
  }

  /** Remembers that a call ended, before its agent is told. Never rejects: what is not remembered is stricter. */
  async ended(caller: RememberedCaller, ref: string, how: CallEnd): Promise<void> {
    const wanted = this.#rules.wanted(caller.server, caller.tool);
    const written = how === 'succeeded' ? wanted : wanted.filter(({ phase }) => phase === 'begun');
    await this.#tryTo(ref, 'the end of a call could not be remembered, so it does not count as succeeded', async () => {
      // What was begun may have brought something until now.
      await this.#write(written, caller, ref);
      if (how === 'unfinished') await this.#rememberLate(written, caller, ref);
    });
  }

  /** Remembers that something a call brought comes only now. Never rejects. */
  came(caller: RememberedCaller, ref: string): Promise<void> {
    return this.#tryTo(ref, 'that something of a call came later could not be remembered', () =>
      this.#write(this.#wanted(caller, 'begun'), caller, ref),
    );
  }

  /**
   * What to await before something is passed on that may belong to calls of this server whose end was not heard: they count as
   * though they had begun now. Null: no policy wants to know.
   */
  late(who: Rememberer, server: string): (() => Promise<void>) | null {
    const wanted = this.#rules.wantedAt(server);
    if (wanted.length === 0) return null;
    const remember = async (): Promise<void> => {
      const places = wanted.map(({ as }) => latePlaceOf(as, who));
      const { now, found } = await this.#found(places);
      for (const [nth, one] of wanted.entries()) {
        const rows = found.get(places[nth]!) ?? [];
        const known = rows === 'broken' ? [] : rows;
        const last = known.find(({ until }) => until > now);
        if (rows === 'broken' || last !== undefined) await this.#write([one], who, last?.ref ?? 'unknown');
      }
    };
    const why = 'that something of a call came later could not be remembered';
    return onceASecond(this.#clock, () => this.#tryTo(server, why, remember), false);
  }

  forget(limit: number): Promise<void> {
    return this.#memories.forget(limit);
  }

  #wanted({ server, tool }: RememberedCaller, phase: AfterPhase): WantedMemory[] {
    return this.#rules.wanted(server, tool).filter((one) => one.phase === phase);
  }

  async #tryTo(what: string, failed: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#log.warn({ err: error, call: what }, failed);
    }
  }

  /** That what these calls bring may come by another way, until a month has passed. */
  async #rememberLate(wanted: readonly WantedMemory[], who: Rememberer, ref: string): Promise<void> {
    if (wanted.length === 0) return;
    const at = this.#clock.now();
    const until = new Date(at.getTime() + LATE_MS);
    const late = [...new Set(wanted.map(({ as }) => latePlaceOf(as, who)))].map((place) => ({ place, ref, at, until }));
    await this.#memories.remember(late);
    for (const memory of late) this.#know(memory);
  }

  async #write(wanted: readonly WantedMemory[], who: Rememberer, ref: string): Promise<void> {
    if (wanted.length === 0) return;
    for (let writes = 1; ; writes += 1) {
      const at = this.#clock.now();
      const memories = wanted.flatMap((one) =>
        placesOf(one, who).map(
          (place): Memory => ({ place, ref, at, until: new Date(at.getTime() + one.longestMs + SLACK_MS) }),
        ),
      );
      await this.#memories.remember(memories);
      for (const memory of memories) this.#know(memory);
      if (this.#clock.now().getTime() - at.getTime() <= LATEST_MS) return;
      if (writes === MOST_WRITES) throw new Unavailable('store', 'the store takes too long to remember a call');
    }
  }

  async #read(places: readonly string[], who: Rememberer, server: string, self: string | null): Promise<History> {
    const { now, found } = await this.#found(places);
    const latest = new Map<string, CallBefore | 'broken'>();
    for (const place of places) {
      const rows = found.get(place) ?? [];
      if (rows === 'broken') latest.set(place, 'broken');
      else {
        const others = rows.filter(({ ref }) => ref !== self);
        const last = others.toSorted((one, other) => other.at.getTime() - one.at.getTime())[0];
        if (last !== undefined) latest.set(place, { ref: last.ref, at: last.at });
      }
    }
    return {
      earlier(after, phase) {
        const there = placesFor(after, phase, who, server).map((place) => {
          const read = places.includes(place);
          return read ? (latest.get(place) ?? null) : ('broken' as const);
        });
        if (there.includes('broken')) return 'unknown';
        const longest = after.withinMs + (phase === 'begun' ? SLACK_MS : 0);
        const calls = (there as (CallBefore | null)[]).filter(
          (call): call is CallBefore => call !== null && now.getTime() - call.at.getTime() <= longest,
        );
        return calls.toSorted((one, other) => other.at.getTime() - one.at.getTime())[0] ?? null;
      },
    };
  }

  /**
   * What is remembered there, and what this process wrote there that is gone. It is compared with what was known before the
   * reading began, and read twice before anybody is accused: calls of this process write while others read.
   */
  async #found(places: readonly string[]): ReturnType<Memories['read']> {
    const known = places.flatMap((place) => this.#known.get(place) ?? []);
    let read = await this.#memories.read(places);
    let gone = known.filter((one) => isGone(one, read));
    if (gone.length === 0) return read;
    read = await this.#memories.read(places);
    gone = known.filter((one) => isGone(one, read));
    const found = new Map(read.found);
    for (const one of gone) {
      this.#missing(
        one.place,
        'a call that this process remembered there is missing, or was put back to an earlier time',
      );
      found.set(one.place, [...((found.get(one.place) ?? []) as readonly Memory[]), one]);
    }
    return { now: read.now, found };
  }

  #know(memory: Memory): void {
    this.#known.delete(memory.place);
    this.#known.set(memory.place, memory);
    if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** Whether somebody else took this out: it has not run out, and neither it nor anything later is in its place. */
function isGone({ place, at, until }: Memory, { now, found }: Awaited<ReturnType<Memories['read']>>): boolean {
  const rows = found.get(place) ?? [];
  return rows !== 'broken' && until > now && !rows.some((row) => row.at >= at);
}
