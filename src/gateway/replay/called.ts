import { isObject, type Json } from '../../domain/json/json.ts';
import type { EventType, LoggedEvent } from '../../domain/log/event.ts';
import type { KeptCall, KnownCall, Said } from '../../domain/replay/known-call.ts';
import { sampleContent, sampleRow } from '../../domain/replay/sample.ts';
import type { KeptSample, Records } from '../../ports.ts';
import { inTurns } from '../../time/in-turns.ts';
import type { Gateway } from '../gateway.ts';

/** What the log says of calls. */
const TYPES = [
  ...['call.allowed', 'call.denied', 'call.limited', 'call.would_ask', 'call.would_deny'],
  ...['approval.requested', 'call.dispatched'],
] as EventType[];
/** Events and samples that are read at most, and read at once. */
const MOST_EVENTS = 200_000;
const MOST_SAMPLES = 50_000;
const PAGE = 500;
/** Events that are put together in one step. */
const STEP = 500;
/** Characters of JSON of one call that are held, and of all at once: as objects they take ten times as much and more. */
const MOST_OF_ONE = 16 * 1024;
const MOST_OCTETS = 32 * 1024 * 1024;

/** What was called, as far as log and samples say. */
export interface Called {
  /** Oldest first. */
  readonly calls: readonly KnownCall[];
  /** Where reading began; later than what was asked for where there was too much. */
  readonly from: Date;
  /** There is more in the log, before `from`. */
  readonly cutShort: boolean;
  /** Events and samples that are not as a gateway wrote them, and are left out. */
  readonly doubted: number;
  /** Whether samples are kept. */
  readonly sampled: boolean;
}

type Needs = Pick<Gateway, 'rules' | 'samples' | 'vault'>;

/**
 * Reads what was called since then: verdicts from the log; arguments from approvals, from what watched rules would have
 * asked about, and from samples. What is kept of one call is known of every call with its fingerprint. Changes nothing.
 */
export async function readCalled(
  gateway: Needs,
  records: Pick<Records, 'search'>,
  asked: { readonly from: Date; readonly servers: readonly string[] },
): Promise<Called> {
  const story = new Story(gateway);
  for (const server of asked.servers) await story.samplesOf(server, asked.from);
  const { events, cutShort, doubted } = await eventsSince(records, asked, (event) => story.hear(event));
  return {
    calls: await inTurns(story.calls(events)),
    from: cutShort ? (events[0]?.at ?? asked.from) : asked.from,
    cutShort,
    doubted: doubted + story.doubted,
    sampled: (gateway.rules.samples ?? null) !== null,
  };
}

/** What is held of an event: its trace and its arguments would be too much for all of them. */
type Heard = Pick<LoggedEvent, 'approval' | 'at' | 'data' | 'grant' | 'n' | 'server' | 'tool' | 'type'>;

const HELD = ['answersTo', 'counter', 'fingerprint', 'session', 'would'] as const;

function heardOf({ approval, at, data, grant, n, server, tool, type }: LoggedEvent): Heard {
  const held = HELD.flatMap((name) => (Object.hasOwn(data, name) ? [[name, data[name]!] as const] : []));
  return { approval, at, data: Object.fromEntries(held), grant, n, server, tool, type };
}

/** Oldest first. */
async function eventsSince(
  records: Pick<Records, 'search'>,
  { from, servers }: { readonly from: Date; readonly servers: readonly string[] },
  hear: (event: LoggedEvent) => void,
): Promise<{ events: Heard[]; cutShort: boolean; doubted: number }> {
  const events: Heard[] = [];
  const only = servers.length === 1 ? { server: servers[0]! } : {};
  const wanted = new Set(servers);
  let doubted = 0;
  let read = 0;
  for (let before: number | undefined; ; ) {
    const filter = { from, types: TYPES, limit: PAGE, ...only, ...(before === undefined ? {} : { before }) };
    const { items, next } = await records.search(filter);
    read += items.length;
    for (const event of items) {
      if (event.doubt !== undefined) doubted += 1;
      else if (event.server !== null && wanted.has(event.server)) {
        hear(event);
        events.push(heardOf(event));
      }
    }
    if (next === null || items.length === 0) return { events: events.reverse(), cutShort: false, doubted };
    if (read >= MOST_EVENTS) return { events: events.reverse(), cutShort: true, doubted };
    before = items.at(-1)!.n;
  }
}

const SAID: Partial<Record<EventType, Said>> = {
  'call.allowed': 'allow',
  'call.denied': 'deny',
  'call.limited': 'limited',
  'approval.requested': 'ask',
};

/** Puts calls together from what is known of them. */
class Story {
  readonly #gateway: Needs;
  readonly #kept = new Map<string, KeptCall>();
  readonly #owners = new Map<string, string | null>();
  #octets = 0;
  doubted = 0;

  constructor(gateway: Needs) {
    this.#gateway = gateway;
  }

  async samplesOf(server: string, from: Date): Promise<void> {
    const { samples, vault } = this.#gateway;
    let after: KeptSample | null = null;
    for (let read = 0; read < MOST_SAMPLES; ) {
      const page: readonly KeptSample[] = await samples.read({ from, server, after, limit: PAGE });
      for (const sample of page) this.#take(vault, sample);
      read += page.length;
      after = page.at(-1) ?? null;
      if (page.length < PAGE) return;
    }
  }

  #take(vault: Needs['vault'], sample: KeptSample): void {
    let text: string;
    try {
      text = new TextDecoder().decode(vault.open('sample', sampleRow(sample), sample.content));
    } catch {
      this.doubted += 1;
      return;
    }
    const content = sampleContent(text, sample);
    if (content === null) this.doubted += 1;
    else this.#keep(content.fingerprint, content, text.length);
  }

  #keep(fingerprint: string, kept: KeptCall, octets: number): void {
    if (octets > MOST_OF_ONE || this.#kept.has(fingerprint) || this.#octets + octets > MOST_OCTETS) return;
    this.#octets += octets;
    this.#kept.set(fingerprint, kept);
  }

  /** Keeps what an event shows of its call. */
  hear(event: LoggedEvent): void {
    const kept = keptIn(event);
    const { fingerprint } = event.data;
    if (kept !== null && typeof fingerprint === 'string') this.#keep(fingerprint, kept, JSON.stringify(kept).length);
  }

  /** Oldest first. */
  *calls(events: readonly Heard[]): Generator<void, KnownCall[]> {
    const dispatched = new Map<string, Date>();
    for (const event of events) {
      if (event.type === 'call.dispatched' && event.approval !== null) dispatched.set(event.approval, event.at);
    }
    const made: KnownCall[] = [];
    /** By fingerprint, the latest call that was let through. */
    const latest = new Map<string, number>();
    for (const [nth, event] of events.entries()) {
      if (nth % STEP === STEP - 1) yield;
      const { fingerprint } = event.data;
      if (event.type === 'call.would_deny' && event.data.counter !== undefined && typeof fingerprint === 'string') {
        // Written right behind the call that a watched limit would have refused.
        const at = latest.get(fingerprint);
        if (at !== undefined) made[at] = { ...made[at]!, said: 'limited' };
        continue;
      }
      const call = this.#callIn(event, dispatched);
      if (call === null) continue;
      if (typeof fingerprint === 'string') latest.set(fingerprint, made.length);
      made.push(call);
    }
    return made.sort((one, other) => one.at.getTime() - other.at.getTime() || one.n - other.n);
  }

  #callIn(event: Heard, dispatched: ReadonlyMap<string, Date>): KnownCall | null {
    const { n, at, server, tool, grant, approval, data, type } = event;
    const said = SAID[type];
    // An answer to what a server asks during a call is none of its own.
    if (said === undefined || server === null || tool === null || grant === null) return null;
    if (data.answersTo !== undefined && data.answersTo !== null) return null;
    const { fingerprint, session, would } = data;
    const passedAt = type === 'call.allowed' ? at : approval === null ? null : (dispatched.get(approval) ?? null);
    return {
      ...{ n, at, server, tool, grant, approval, passedAt },
      owner: this.#ownerOf(grant, server),
      session: type === 'approval.requested' ? undefined : typeof session === 'string' ? session : null,
      said: type === 'call.allowed' && (would === 'ask' || would === 'deny') ? would : said,
      kept: typeof fingerprint === 'string' ? (this.#kept.get(fingerprint) ?? null) : null,
    };
  }

  #ownerOf(grant: string, server: string): string | null {
    const key = JSON.stringify([grant, server]);
    if (!this.#owners.has(key)) this.#owners.set(key, this.#gateway.rules.principal(grant, server)?.owner ?? null);
    return this.#owners.get(key)!;
  }
}

/** What an event shows of its call; null: nothing, or not all. */
function keptIn({ type, data }: LoggedEvent): KeptCall | null {
  if (type !== 'approval.requested' && type !== 'call.would_ask') return null;
  const { arguments: args, sent } = data as { readonly [name: string]: Json | undefined };
  if (!isObject(args) || !isObject(sent)) return null;
  const { params, meta, headers } = sent;
  if (!isObject(params) || !isObject(meta) || !isObject(headers)) return null;
  return { arguments: args, sent: { params, meta, headers } };
}
