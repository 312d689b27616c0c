import { passKey, type SpentPass, saysMore, wasSent } from '../../domain/log/witness-entry.ts';
import type { Log, Witness, WitnessedState } from '../../ports.ts';
import { Gathered } from '../../time/gathered.ts';
import { type LostEntries, LostEntryLook } from './lost-entries.ts';

/** Passes that this process remembers. Beyond that the ones that are over soonest are forgotten: a witness has them. */
const MOST_KNOWN = 100_000;

/** Passes that a witness is told of at once. */
const SHARED_AT_ONCE = 200;
/** Rounds of a call that this process may not know between two that it knows. */
const MOST_SKIPPED = 100;
/** Milliseconds that are read further back than to the entry that is looked for: clocks differ. */
const READ_AGAIN_MS = 5 * 60_000;

/** What became of the wish to remember that something is about to be sent. */
export type Witnessed =
  /** It is remembered: it may be sent. */
  | { readonly kind: 'recorded' }
  /** It was sent, or has ended, before: the store is older than that. */
  | { readonly kind: 'known'; readonly pass: SpentPass }
  /** Nothing outside the database remembers it: it must not be sent. */
  | { readonly kind: 'unrecorded'; readonly why: string };

interface ToldPass {
  readonly log: string;
  readonly pass: SpentPass;
}

/** What all witnesses together know of a log. */
export interface KnownLog {
  readonly state: WitnessedState | null;
  readonly passes: readonly SpentPass[];
  /** Logs at the same place that a witness tells of only now: it was away when it was asked. */
  readonly otherLogs: readonly string[];
  /** What a witness knew and does not know any more, although it was not emptied; it was told again. */
  readonly lost: readonly LostEntries[];
}

/**
 * All witnesses of one process, and its own memory. What is spent is written to all of them at once, and one is enough.
 * What one of them missed while it was away is written to it later.
 *
 * | Redis | the data directory | a call |
 * |---|---|---|
 * | takes it | takes it | is sent |
 * | is away | takes it | is sent; `/readyz` says what is away |
 * | takes it | is full or broken | the same |
 * | is away | is full or broken | is not sent, and keeps its pass |
 */
export class WitnessBoard {
  readonly #witnesses: readonly Witness[];
  readonly #log: Log;
  readonly #known = new Map<string, SpentPass>();
  /** Keys of what this process spent itself; of others it knows what witnesses said when they were last read. */
  readonly #own = new Set<string>();
  /** Approvals that were sent, until it is known that they are over. */
  readonly #open = new Map<string, SpentPass>();
  readonly #missed = new Map<Witness, Map<string, SpentPass>>();
  readonly #faults = new Map<Witness, string>();
  /** What was last kept, and which log is bound to which place: for a witness that was emptied. */
  #kept: WitnessedState | null = null;
  #bound: { readonly place: string; readonly log: string } | null = null;
  readonly #lost = new LostEntryLook(this.#known);
  /** Those that were away when they were asked which log is at this place. */
  readonly #unasked = new Set<Witness>();
  /** Passes that are spent, or end, together are told to each witness together. */
  readonly #told: ReadonlyMap<Witness, Gathered<ToldPass, readonly SpentPass[] | null>>;

  constructor(witnesses: readonly Witness[], log: Log) {
    this.#witnesses = witnesses;
    this.#log = log;
    this.#told = new Map(witnesses.map((witness) => [witness, this.#toldTo(witness)]));
  }

  /** What is wrong with a witness, for operators; null: nothing, or there is none. */
  get trouble(): string | null {
    if (this.#faults.size === 0) return null;
    const words = [...this.#faults].map(([{ name }, why]) => `${name}: ${why}`).join('; ');
    const all = this.#faults.size === this.#witnesses.length;
    return `${words}. ${all ? 'Approved calls are not sent until one of them can be written.' : 'The others serve alone.'}`;
  }

  /** True while none of them could be written when it was last tried. */
  get isAway(): boolean {
    return this.#witnesses.length > 0 && this.#faults.size === this.#witnesses.length;
  }

  /** Everything that this process remembers and that matters still. `now`: by the clock that is behind. */
  known(now: Date): readonly SpentPass[] {
    for (const [key, pass] of this.#known) {
      if (pass.until > now) continue;
      this.#known.delete(key);
      this.#own.delete(key);
      if ((this.#open.get(pass.approval)?.until ?? now) <= now) this.#open.delete(pass.approval);
    }
    return [...this.#known.values()];
  }

  /** The last of an approval's sendings that this process knows. */
  lastOf(approval: string): SpentPass | null {
    let last = this.#known.get(passKey({ approval, round: 0 })) ?? null;
    // Rounds follow each other; a process that did not send the first ones may know later ones only.
    for (let round = 1; round <= (last?.round ?? 0) + MOST_SKIPPED; round += 1) {
      last = this.#known.get(passKey({ approval, round })) ?? last;
    }
    return last;
  }

  /**
   * The last sendings that this process knows of each call of this grant at these servers, and of which it does not know
   * that they are over.
   */
  openAt(grant: string, servers: readonly string[]): readonly SpentPass[] {
    const open: SpentPass[] = [];
    for (const [approval, about] of this.#open) {
      if (about.grant !== grant || !servers.includes(about.server)) continue;
      const last = this.#lastSent(approval);
      if (last === null) this.#open.delete(approval);
      else open.push(last);
    }
    return open;
  }

  /** This call is over for good. */
  over(approval: string): void {
    this.#open.delete(approval);
  }

  #lastSent(approval: string): SpentPass | null {
    const last = this.lastOf(approval);
    if (last === null || !last.returned) return last?.ended === undefined ? last : null;
    // The last answer came back: the call waits for another one.
    return last.round === 0 ? null : (this.#known.get(passKey({ approval, round: last.round - 1 })) ?? null);
  }

  /** Remembers these before they are sent: in one round trip to each witness. */
  async spend(log: string, passes: readonly SpentPass[]): Promise<Witnessed> {
    const hearsay = this.#sent(passes).filter((pass) => wasSent(pass) && !this.#own.has(passKey(pass)));
    if (hearsay.length > 0 && !(await this.#readAgain(log, hearsay))) return this.#unrecorded();
    const [known] = this.#sent(passes);
    if (known !== undefined) return { kind: 'known', pass: known };
    // Before anybody is asked: a second caller here, in the meantime, finds it known.
    for (const pass of passes) {
      this.#remember(pass);
      this.#own.add(passKey(pass));
    }
    const answers = await this.#lost.whileTelling(passes, () =>
      Promise.all(this.#witnesses.map((witness) => this.#tellAt(witness, log, passes))),
    );
    const found = answers.flatMap((answer) => answer ?? []);
    if (found.length > 0) {
      for (const pass of found) {
        this.#remember(pass);
        this.#own.delete(passKey(pass));
      }
      return { kind: 'known', pass: found[0]! };
    }
    if (this.#isTaken(answers)) return { kind: 'recorded' };
    const unrecorded = this.#unrecorded();
    await this.giveBack(log, passes);
    return unrecorded;
  }

  /** Of these, what this process remembers as sent or ended. */
  #sent(passes: readonly SpentPass[]): readonly SpentPass[] {
    return passes.flatMap((pass) => this.#known.get(passKey(pass)) ?? []).filter(({ returned }) => !returned);
  }

  /**
   * Reads these again from every witness: another replica may have given them back since. False: one of the witnesses did
   * not answer, and might know better.
   */
  async #readAgain(log: string, passes: readonly SpentPass[]): Promise<boolean> {
    const oldest = Math.min(...passes.map(({ at }) => at.getTime()));
    await this.read(log, Math.max(0, Date.now() - oldest) + READ_AGAIN_MS);
    return this.#faults.size === 0;
  }

  #unrecorded(): Witnessed & { readonly kind: 'unrecorded' } {
    return { kind: 'unrecorded', why: [...this.#faults.values()].join('; ') };
  }

  /** `answers`: of each witness; null: it did not take it. */
  #isTaken(answers: readonly unknown[]): boolean {
    return this.#witnesses.length === 0 || answers.some((answer) => answer !== null);
  }

  /**
   * Remembers that a pass has ended and was not sent, before anybody is told so; from then on nobody here sends it, whether
   * or not a witness answers. `known`: it was sent, by whoever could, and was not given back.
   */
  async end(log: string, pass: SpentPass): Promise<Witnessed> {
    const key = passKey(pass);
    const before = this.#known.get(key);
    if (before !== undefined && wasSent(before)) {
      if (!this.#own.has(key) && !(await this.#readAgain(log, [before]))) return this.#unrecorded();
      const now = this.#known.get(key) ?? before;
      if (wasSent(now)) return { kind: 'known', pass: now };
    }
    this.#remember(pass);
    const answers = await this.#lost.whileTelling([pass], () =>
      Promise.all(this.#witnesses.map((witness) => this.#endAt(witness, log, pass))),
    );
    const sent = answers.find((answer) => answer !== null && answer !== 'ended') ?? null;
    if (sent !== null) {
      this.#remember(sent);
      return { kind: 'known', pass: sent };
    }
    return this.#isTaken(answers) ? { kind: 'recorded' } : this.#unrecorded();
  }

  /** Whether this pass has ended, as far as this process knows. */
  hasEnded(approval: string): boolean {
    return this.#known.get(passKey({ approval, round: 0 }))?.ended !== undefined;
  }

  /** The sending that it knew; null: it did not take the end, and is told later. */
  async #endAt(witness: Witness, log: string, pass: SpentPass): Promise<SpentPass | 'ended' | null> {
    const found = await this.#tellAt(witness, log, [pass]);
    if (found === null) return null;
    const [known] = found;
    if (known === undefined || known.ended !== undefined) return 'ended';
    if (wasSent(known)) return known;
    const took = await this.#try(witness, () => witness.correct(log, [pass]));
    if (!took) this.#miss(witness, [pass]);
    return took ? 'ended' : null;
  }

  /** What it knew of these before; null: it did not take all of them. */
  async #tellAt(witness: Witness, log: string, passes: readonly SpentPass[]): Promise<readonly SpentPass[] | null> {
    const told = this.#told.get(witness)!;
    const found = await Promise.all(passes.map((pass) => told.do({ log, pass })));
    const known = found.flatMap((one) => one ?? []);
    // What one of them tells of an earlier sending counts, whatever became of the others.
    return known.length > 0 || !found.includes(null) ? known : null;
  }

  /** Of each what the witness knew before; null: it did not take it. */
  #toldTo(witness: Witness): Gathered<ToldPass, readonly SpentPass[] | null> {
    return new Gathered<ToldPass, readonly SpentPass[] | null>({
      most: SHARED_AT_ONCE,
      keyOf: ({ pass }) => passKey(pass),
      together: async (told) => {
        const { log } = told[0]!;
        const isOfLog = (one: ToldPass): boolean => one.log === log;
        const passes = told.filter(isOfLog).map(({ pass }) => pass);
        const known = await this.#spendAt(witness, log, passes);
        const knownOf = ({ pass }: ToldPass) => known?.filter((one) => passKey(one) === passKey(pass)) ?? null;
        return told.map((one) => (isOfLog(one) ? { answer: knownOf(one) } : null));
      },
    });
  }

  /** These were not sent after all: they may be spent again. Never rejects. */
  async giveBack(log: string, passes: readonly SpentPass[]): Promise<void> {
    const returned = passes.map((pass) => ({ ...pass, returned: true }));
    for (const pass of returned) this.#known.set(passKey(pass), pass);
    await this.#lost.whileTelling(passes, () =>
      Promise.all(
        this.#witnesses.map(async (witness) => {
          const took = await this.#try(witness, () => witness.correct(log, returned));
          if (!took) this.#miss(witness, returned);
        }),
      ),
    );
  }

  /**
   * What the witnesses know of a log from the last so many milliseconds; it is remembered here too, and each witness is
   * told what only others knew: of a Redis that was flushed the files know, and of a new node's file Redis. One that has no
   * state although there is one was emptied: it is told everything again.
   */
  async read(log: string, lastMs: number): Promise<KnownLog> {
    let state: WitnessedState | null = null;
    const passes = new Map<string, SpentPass>();
    const read = new Map<Witness, ReadonlyMap<string, SpentPass>>();
    const stateless = new Set<Witness>();
    const otherLogs: string[] = [];
    const lost: LostEntries[] = [];
    for (const witness of this.#witnesses) {
      await this.#catchUp(witness, log);
      otherLogs.push(...(await this.#askAgain(witness)));
      await this.#try(witness, async () => {
        const found = await witness.read(log, lastMs);
        if (found.state === null) stateless.add(witness);
        if (found.state !== null && (state === null || isFurther(found.state, state))) state = found.state;
        read.set(witness, new Map(found.passes.map((pass) => [passKey(pass), pass])));
        for (const pass of found.passes) {
          if (!saysMore(pass, passes.get(passKey(pass)))) continue;
          passes.set(passKey(pass), pass);
          if (saysMore(pass, this.#known.get(passKey(pass)))) this.#remember(pass);
        }
      });
    }
    const bound = this.#bound;
    const isKept = bound?.log === log && (state !== null || this.#kept?.log === log);
    const asked = Number.isFinite(lastMs) ? this.#lost.next() : [];
    for (const [witness, own] of read) {
      const emptied = isKept && stateless.has(witness);
      if (emptied) await this.#try(witness, () => witness.bind(bound.place, log));
      await this.#share(witness, log, own, emptied ? this.#known : passes);
      if (isKept && !emptied) lost.push(...(await this.#lookAt(witness, log, asked)));
    }
    return { state, passes: [...passes.values()], otherLogs, lost };
  }

  /** What it has lost of these; it is told again. */
  async #lookAt(witness: Witness, log: string, asked: readonly SpentPass[]): Promise<readonly LostEntries[]> {
    let passes: readonly SpentPass[] = [];
    await this.#try(witness, async () => {
      passes = await this.#lost.look(witness, log, asked);
    });
    return passes.length === 0 ? [] : [{ witness: witness.name, passes }];
  }

  /** Which other log it has at this place, now that it answers. */
  async #askAgain(witness: Witness): Promise<readonly string[]> {
    const bound = this.#bound;
    if (bound === null || !this.#unasked.has(witness)) return [];
    const others: string[] = [];
    const asked = await this.#try(witness, async () => {
      const found = await witness.logOf(bound.place);
      if (found !== null && found !== bound.log) others.push(found);
      else await witness.bind(bound.place, bound.log);
    });
    if (asked) this.#unasked.delete(witness);
    return others;
  }

  async #share(
    witness: Witness,
    log: string,
    own: ReadonlyMap<string, SpentPass>,
    all: ReadonlyMap<string, SpentPass>,
  ): Promise<void> {
    const lacks = [...all.values()].filter((pass) => saysMore(pass, own.get(passKey(pass))));
    const spent = lacks.filter((pass) => !pass.returned);
    // What it has is known better; a sending alone does not take the place of an end that it has.
    const better = lacks.filter((pass) => {
      const has = own.get(passKey(pass));
      return has !== undefined && (pass.returned || pass.ended !== undefined || has.ended !== undefined);
    });
    for (let from = 0; from < spent.length; from += SHARED_AT_ONCE) {
      const some = spent.slice(from, from + SHARED_AT_ONCE);
      if (!(await this.#try(witness, async () => void (await witness.spend(log, some))))) return;
    }
    if (better.length > 0) await this.#try(witness, () => witness.correct(log, better));
  }

  /** The logs that witnesses know at this place. */
  async logsOf(place: string): Promise<readonly string[]> {
    const known = new Set<string>();
    for (const witness of this.#witnesses) {
      await this.#try(witness, async () => {
        const found = await witness.logOf(place);
        if (found !== null) known.add(found);
      });
    }
    return [...known];
  }

  /** The logs that witnesses know at this place, and where none is known yet, from now on this one. */
  async logsAt(place: string, log: string): Promise<readonly string[]> {
    this.#bound = { place, log };
    const known = new Set<string>();
    for (const witness of this.#witnesses) {
      const asked = await this.#try(witness, async () => {
        const found = await witness.logOf(place);
        if (found !== null) known.add(found);
        // Again where it is known: by the newest secret.
        if (found === null || found === log) await witness.bind(place, log);
      });
      if (!asked) this.#unasked.add(witness);
    }
    return [...known];
  }

  async bind(place: string, log: string): Promise<void> {
    this.#bound = { place, log };
    for (const witness of this.#witnesses) await this.#try(witness, () => witness.bind(place, log));
  }

  async keep(state: WitnessedState): Promise<void> {
    this.#kept = state;
    for (const witness of this.#witnesses) await this.#try(witness, () => witness.keep(state));
  }

  async close(): Promise<void> {
    for (const witness of this.#witnesses) await witness.close().catch(() => undefined);
  }

  /** What it knew before; null: it did not take them. */
  async #spendAt(witness: Witness, log: string, passes: readonly SpentPass[]): Promise<readonly SpentPass[] | null> {
    let known: readonly SpentPass[] = [];
    // It may have taken what it did not confirm, and must hear first that it was given back.
    await this.#catchUp(witness, log);
    const took = await this.#try(witness, async () => {
      known = await witness.spend(log, passes);
    });
    if (!took) this.#miss(witness, passes);
    return took ? known : null;
  }

  #miss(witness: Witness, passes: readonly SpentPass[]): void {
    const missed = this.#missed.get(witness) ?? new Map<string, SpentPass>();
    this.#missed.set(witness, missed);
    for (const pass of passes) missed.set(passKey(pass), pass);
  }

  async #catchUp(witness: Witness, log: string): Promise<void> {
    const missed = this.#missed.get(witness);
    if (missed === undefined) return;
    const passes = [...missed.values()];
    const took = await this.#try(witness, async () => {
      const spent = passes.filter(({ returned }) => !returned);
      const returned = passes.filter((pass) => pass.returned);
      if (spent.length > 0) await witness.spend(log, spent);
      if (returned.length > 0) await witness.correct(log, returned);
    });
    if (!took) return;
    for (const pass of passes) if (missed.get(passKey(pass)) === pass) missed.delete(passKey(pass));
    if (missed.size === 0) this.#missed.delete(witness);
  }

  async #try(witness: Witness, ask: () => Promise<void>): Promise<boolean> {
    try {
      await ask();
      if (this.#faults.delete(witness)) this.#log.warn({}, `${witness.name} can be written again`);
      return true;
    } catch (error) {
      const why = wordsOf(error);
      if (!this.#faults.has(witness)) {
        this.#log.warn({ why }, `${witness.name} does not take what approved calls are sent; the others serve alone`);
      }
      this.#faults.set(witness, why);
      return false;
    }
  }

  #remember(pass: SpentPass): void {
    this.#known.set(passKey(pass), pass);
    if (pass.ended === undefined && !pass.returned) this.#open.set(pass.approval, pass);
    if (this.#known.size <= MOST_KNOWN) return;
    const soonest = [...this.#known].sort(([, one], [, other]) => one.until.getTime() - other.until.getTime());
    for (const [key] of soonest.slice(0, MOST_KNOWN / 10)) {
      this.#known.delete(key);
      this.#own.delete(key);
    }
  }
}

function isFurther(one: WitnessedState, other: WitnessedState): boolean {
  return one.accepted === other.accepted ? one.seq > other.seq : one.accepted > other.accepted;
}

/** A system's code (`ENOSPC`), or the adapter's own words. */
function wordsOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? 'unknown';
}
