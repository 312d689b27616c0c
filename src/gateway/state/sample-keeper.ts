import type { Call } from '../../domain/call/call.ts';
import { redacting } from '../../domain/call/redact-call.ts';
import { sentOf } from '../../domain/call/sent.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { redactionOf } from '../../domain/policy/rule.ts';
import { type SampleContent, sampleRank, sampleRow } from '../../domain/replay/sample.ts';
import type { Clock, KeptSample, Log, SampleGroup, Samples, Vault } from '../../ports.ts';
import { dayOf } from '../../time/day.ts';
import { inTurns } from '../../time/in-turns.ts';
import { withinOr } from '../../time/within.ts';
import type { Rules } from '../rules.ts';

/** Largest request, in bytes, of which a sample is made, and octets of what is kept of one. */
const MOST_BYTES = 16 * 1024;
const MOST_KEPT = 8 * 1024;
/** Octets that all samples may take together, and ms for which their sum is taken as known. */
const MOST_OCTETS = 64 * 1024 * 1024;
const SUM_MS = 60_000;
/** Calls that wait to be kept, and bytes of their requests. */
const MOST_WAITING = 2_000;
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
/** Tools of which this process samples calls on one day, and calls that it remembers having sampled. */
const MOST_GROUPS = 1_000;
const MOST_RANKS = 100_000;
/** Milliseconds for which calls gather, and calls that are kept by one statement. */
const GATHER_MS = 250;
const AT_ONCE = 100;
/** Milliseconds that the last ones have when the process stops. */
const CLOSE_MS = 2_000;

/** What of a call is needed for a sample of it. */
interface SampledCall {
  readonly call: Call;
  readonly policy: Policy | null;
  readonly bytes: Uint8Array;
}

interface Waiting extends SampleGroup {
  readonly rank: string;
  readonly fingerprint: string;
  readonly at: Date;
  readonly sampled: SampledCall;
}

/**
 * Keeps a sample of the plainly allowed calls of each tool and day: of all different calls those whose fingerprint, turned
 * by the day, is smallest. Nobody without the key can tell which these are, every different call has the same chance, and
 * replicas choose the same ones without asking each other. Nothing here is in the way of a call: it is offered when its
 * event is made, and kept later, with others, by one statement. A call that is sent again is one call.
 *
 * | what happens | then |
 * |---|---|
 * | the process dies before a call was kept, the store does not answer, too many wait | the call is not kept; it counts as unknown |
 * | two replicas keep at once | each keeps its smallest; the surplus goes with the next that is kept |
 * | all samples together are as large as they may be | no more are kept until the sweep has deleted some |
 * | it is switched off | nothing more is kept, and the sweep deletes what was |
 */
export class SampleKeeper {
  readonly #samples: Samples;
  readonly #rules: Pick<Rules, 'samples'>;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #vault: Pick<Vault, 'seal'>;
  #day = '';
  /** By server and tool, the ranks that were sampled today. */
  #groups = new Map<string, { readonly ranks: Set<string>; largest: string }>();
  #ranks = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #keeping: Promise<void> | null = null;
  #sum = { octets: 0, at: Number.NEGATIVE_INFINITY };
  #failing = false;

  constructor(
    samples: Samples,
    rules: Pick<Rules, 'samples'>,
    parts: { readonly clock: Clock; readonly log: Pick<Log, 'warn'>; readonly vault: Pick<Vault, 'seal'> },
  ) {
    this.#samples = samples;
    this.#rules = rules;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#vault = parts.vault;
  }

  get isOn(): boolean {
    return (this.#rules.samples ?? null) !== null;
  }

  /** Takes note of an allowed call, whose event this is. Never throws, and takes no time. */
  offer(sampled: SampledCall, event: NewEvent): void {
    const terms = this.#rules.samples ?? null;
    const { fingerprint } = event.data;
    const { server, tool } = sampled.call;
    const size = sampled.bytes.byteLength;
    // A tool's name that repeats what its call hides is not written anywhere.
    if (terms === null || typeof fingerprint !== 'string' || size > MOST_BYTES || event.tool !== tool) return;
    if (this.#waiting.length >= MOST_WAITING || this.#waitingBytes + size > MOST_WAITING_BYTES) return;
    const day = dayOf(event.at);
    const rank = sampleRank(day, fingerprint);
    if (!this.#isAmongSmallest(day, JSON.stringify([server, tool]), rank, terms.perToolAndDay)) return;
    this.#waiting.push({ server, tool, day, rank, fingerprint, at: event.at, sampled });
    this.#waitingBytes += size;
    this.#timer ??= setTimeout(() => void this.#keep(), GATHER_MS);
  }

  /** Keeps what waits. Never rejects; within 2 s. */
  async close(): Promise<void> {
    await withinOr(CLOSE_MS, this.#keep(), undefined);
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Deletes what was kept for as long as it may be, or all where nothing is to be kept; at most so many. */
  async forget(limit: number): Promise<void> {
    const terms = this.#rules.samples ?? null;
    const now = this.#clock.now().getTime();
    const gone = await this.#samples.forget(new Date(terms === null ? now + SUM_MS : now - terms.retainMs), limit);
    if (gone > 0) this.#sum.at = Number.NEGATIVE_INFINITY;
  }

  #isAmongSmallest(day: string, name: string, rank: string, most: number): boolean {
    if (day > this.#day) {
      this.#day = day;
      this.#groups = new Map();
      this.#ranks = 0;
    }
    if (day < this.#day) return false;
    const group = this.#groups.get(name);
    if (group === undefined) {
      if (this.#groups.size >= MOST_GROUPS || this.#ranks >= MOST_RANKS) return false;
      this.#groups.set(name, { ranks: new Set([rank]), largest: rank });
      this.#ranks += 1;
      return true;
    }
    const { ranks } = group;
    if (ranks.has(rank)) return false;
    const isFull = ranks.size >= most || this.#ranks >= MOST_RANKS;
    if (isFull && rank > group.largest) return false;
    if (isFull) ranks.delete(group.largest);
    else this.#ranks += 1;
    ranks.add(rank);
    if (isFull) group.largest = [...ranks].sort().at(-1)!;
    else if (rank > group.largest) group.largest = rank;
    return true;
  }

  #keep(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#keeping ??= this.#keepAll().finally(() => {
      this.#keeping = null;
      if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => void this.#keep(), GATHER_MS);
    });
    return this.#keeping;
  }

  async #keepAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#keepSome(this.#waiting.splice(0, AT_ONCE));
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.warn({ err: error }, 'samples of allowed calls could not be kept');
      this.#failing = true;
    }
  }

  async #keepSome(some: readonly Waiting[]): Promise<void> {
    for (const { sampled } of some) this.#waitingBytes -= sampled.bytes.byteLength;
    const terms = this.#rules.samples ?? null;
    if (terms === null || !(await this.#hasRoom())) return;
    const made: KeptSample[] = [];
    for (const one of some) {
      const sample = await this.#sampleOf(one);
      if (sample !== null) made.push(sample);
    }
    await this.#samples.keep(made, terms.perToolAndDay);
    this.#sum.octets += made.reduce((sum, { content }) => sum + content.byteLength, 0);
  }

  async #hasRoom(): Promise<boolean> {
    const now = performance.now();
    if (now - this.#sum.at > SUM_MS) this.#sum = { octets: await this.#samples.octets(), at: now };
    return this.#sum.octets < MOST_OCTETS;
  }

  /** null: what would be kept is too long. */
  async #sampleOf({ sampled, fingerprint, ...group }: Waiting): Promise<KeptSample | null> {
    const { call, policy } = sampled;
    if (policy === null) return null;
    const whole = { args: call.args, sent: sentOf(call.params, call.headers) };
    const { shown } = await inTurns(redacting(whole, redactionOf(policy, call.tool)));
    const { grant } = call.principal;
    const { at, day, rank, server, tool } = group;
    const content: SampleContent = { fingerprint, grant, arguments: shown.arguments, sent: shown.sent };
    const bytes = new TextEncoder().encode(JSON.stringify(content));
    if (bytes.byteLength > MOST_KEPT) return null;
    return { day, rank, server, tool, at, content: this.#vault.seal('sample', sampleRow(group), bytes) };
  }
}
