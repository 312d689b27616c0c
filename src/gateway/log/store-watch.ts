import { NO_SUBJECT } from '../../domain/log/event.ts';
import { missingLog, unknownSendings, type WentBack } from '../../domain/log/went-back.ts';
import { type SpentPass, wasSent } from '../../domain/log/witness-entry.ts';
import type { Acceptance, CopiedCheckpoint, Epoch, Ledger, Log, Store, WitnessedState } from '../../ports.ts';
import { earlierOf } from '../../time/two-clocks.ts';
import { within } from '../../time/within.ts';
import type { AlarmEvents } from './alarm-events.ts';
import { type Alarms, REMEDIES } from './alarms.ts';
import type { LostEntries } from './lost-entries.ts';
import type { PassTerms } from './pass-of.ts';
import type { SetFinding, SetWatch } from './set-watch.ts';
import { tellUntoldEnds } from './untold-ends.ts';
import type { KnownLog, WitnessBoard } from './witness-board.ts';

/** Milliseconds between two comparisons of the store with its witnesses. */
const COMPARE_MS = 10_000;
/** Milliseconds that a comparison looks further back than to the one before it. */
const OVERLAP_MS = 60_000;
/** Milliseconds that whoever stops something waits for the witnesses to know of it. */
const TELL_MS = 2_000;
/** Signs that an event lists. */
const MOST_LISTED = 50;
/** Passes that are all compared every time; of more, the newest, and so many of the others in turn. */
const FEW = 2_000;

export interface StoreWatchParts extends PassTerms {
  readonly store: Pick<Store, 'endedEarly' | 'find' | 'judgeSets' | 'lastAcceptance' | 'standings'>;
  readonly ledger: Pick<Ledger, 'chain' | 'cuts' | 'ends'>;
  readonly log: Log;
  readonly alarms: Alarms;
  readonly alarmEvents: AlarmEvents;
  readonly board: WitnessBoard;
  readonly sets: SetWatch;
  /** Names this database as the settings do. */
  readonly place: string;
  /** The last checkpoint in the data directory that this gateway's keys signed; null: there is none. */
  readonly lastCopy: () => Promise<CopiedCheckpoint | null>;
}

/** Who is told that the store went back, or that an operator has accepted it. */
export interface StoreWatchListener {
  /** These approvals were sent, and the store does not know it. */
  older(ids: readonly string[]): void;
  accepted(acceptance: Acceptance): void;
}

/** What stands in the place of a log's id while none is known. */
export const NO_LOG = 'unknown';

/**
 * Compares the store with its witnesses: at the start, after a connection to the database broke, and every 10 s. Whatever
 * the store lacks raises the alarm `went_back`; it stands until an operator accepts the store, and is found again after
 * a restart, because the witnesses still know more.
 */
export class StoreWatch {
  readonly board: WitnessBoard;
  readonly #parts: StoreWatchParts;
  /** Approvals that were sent and that the store has as unsent. */
  readonly older = new Set<string>();
  /** Ends that no witness has and that cannot be believed. */
  readonly #left = new Map<string, number>();
  #log = NO_LOG;
  #state: WitnessedState | null = null;
  #accepted: Acceptance | null = null;
  /** Logs that witnesses knew at this place before. */
  #otherLogs: readonly string[] = [];
  #settled: string | null = null;
  /** How often a connection broke, from the first one on, and how many of these a comparison has come after. */
  #suspicions = 1;
  #compared = 0;
  /** Where the next passes begin that are compared in turn. */
  #turn = 0;
  #started = false;
  #comparedAt = 0;
  #comparing: Promise<void> | null = null;
  #listener: StoreWatchListener | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(parts: StoreWatchParts) {
    this.#parts = parts;
    this.board = parts.board;
  }

  /** The id of the log that is watched. */
  get log(): string {
    return this.#log;
  }

  /** As far as this process knows, the highest number of an acceptance anywhere. */
  get lastNumber(): number {
    return Math.max(this.#state?.accepted ?? 0, this.#accepted?.number ?? 0);
  }

  /**
   * The cursor of the last event that was there when an operator accepted the store. Where nobody did, lower than any:
   * whoever adds events chooses theirs, negative ones too.
   */
  get acceptedEvents(): number {
    return this.#accepted?.lastEvent ?? Number.NEGATIVE_INFINITY;
  }

  /** Whether a witness knows that this call was sent, and that it did not come back. */
  wasSent(approval: string): boolean {
    const last = this.board.lastOf(approval);
    // An answer that came back was one to the question of a call that was sent.
    return last !== null && (wasSent(last) || last.round > 0);
  }

  /** The logs that witnesses know at this database's place. */
  logsKnown(): Promise<readonly string[]> {
    return this.board.logsOf(this.#parts.place);
  }

  onChange(listener: StoreWatchListener): void {
    this.#listener = listener;
  }

  /** `epoch`: null where the record of it is forged. Rejects when the store does not answer. */
  async start(epoch: Epoch | null): Promise<void> {
    const { board, place, sets } = this.#parts;
    sets.onFinding((finding) => this.#foundSet(finding));
    // Nothing is bound while it is not known which log this is: that would be another log to whoever knows it.
    const known = epoch === null ? await this.logsKnown() : await board.logsAt(place, epoch.log);
    this.#log = epoch?.log ?? known[0] ?? this.#log;
    this.#otherLogs = known.filter((log) => log !== this.#log);
    this.#started = true;
    await this.compare();
    this.#timer = setInterval(() => {
      this.compare().catch((error: unknown) => {
        this.#parts.log.warn({ err: error }, 'the store could not be compared with its witnesses');
      });
    }, COMPARE_MS);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#comparing?.catch(() => undefined);
    await this.board.close();
  }

  /** A connection to the database broke: it may be another database now. */
  suspect(): void {
    this.#suspicions += 1;
  }

  /** Whether something gated may be committed now, as far as this process can tell. Rejects when it cannot compare. */
  async mayCommit(): Promise<boolean> {
    // Whoever waits for a comparison that began after the suspicion needs none of its own.
    while (this.#started && this.#suspicions > this.#compared) await (this.#comparing ?? this.compare());
    return this.#parts.alarms.why === null && !this.board.isAway;
  }

  /** Compares now, or waits for the comparison that is under way and then compares. */
  async compare(): Promise<void> {
    while (this.#comparing !== null) await this.#comparing.catch(() => undefined);
    this.#comparing = this.#compare().finally(() => {
      this.#comparing = null;
    });
    return this.#comparing;
  }

  /**
   * Tells the witnesses at once how the sets are: an operator has stopped something that a fail-over could forget, and
   * is about to be told that it holds. Never rejects, and takes `TELL_MS` at most: a stop does not wait for a witness.
   */
  async tellSets(): Promise<void> {
    if (!this.#started) return;
    await within(TELL_MS, this.compare()).catch((error: unknown) => {
      this.#parts.log.warn({ err: error }, 'the witnesses were not told of a freeze or revocation yet');
    });
  }

  /** Everything that witnesses know, of this log and of others that were at this place. Reads all of it. */
  async everything(): Promise<readonly SpentPass[]> {
    for (const log of [this.#log, ...this.#otherLogs]) await this.board.read(log, Number.POSITIVE_INFINITY);
    return this.board.known(earlierOf(this.#parts.clock));
  }

  /** An operator accepted the store here: from now on it is compared with what it is now. */
  async accepted(acceptance: Acceptance): Promise<void> {
    while (this.#comparing !== null) await this.#comparing.catch(() => undefined);
    await this.#adopt(acceptance);
    await this.compare();
  }

  async #readWitnesses(lastMs: number): Promise<KnownLog> {
    const found = await this.board.read(this.#log, lastMs);
    for (const lost of found.lost) this.#tellLost(lost);
    this.#otherLogs = [...new Set([...this.#otherLogs, ...found.otherLogs])];
    if (!Number.isFinite(lastMs)) for (const log of this.#otherLogs) await this.board.read(log, lastMs);
    return found;
  }

  async #compare(): Promise<void> {
    const { board, store, alarms, sets, clock } = this.#parts;
    const began = performance.now();
    const suspicions = this.#suspicions;
    let whole = suspicions > this.#compared || this.#comparedAt === 0;
    // The witnesses first: what they know was committed before.
    let found = await this.#readWitnesses(whole ? Number.POSITIVE_INFINITY : began - this.#comparedAt + OVERLAP_MS);
    const acceptance = await store.lastAcceptance(this.#log, Math.max(this.lastNumber, found.state?.accepted ?? 0));
    if (acceptance !== null && acceptance.number > this.lastNumber) {
      // Only a process that has just started may find it accepted already; alarms of others end with it.
      const isKnown = this.#comparedAt === 0 && (found.state?.accepted ?? 0) >= acceptance.number;
      if (isKnown) this.#learn(acceptance);
      else {
        await this.#adopt(acceptance);
        whole = true;
        found = await this.#readWitnesses(Number.POSITIVE_INFINITY);
      }
    }
    const known = this.#latest(found.state, acceptance?.number ?? 0);
    const log = await this.#logFound(known, acceptance);
    const all = board.known(earlierOf(clock));
    const passes = whole || all.length <= FEW ? all : [...found.passes, ...this.#nextOf(all)];
    const standings = await store.standings([...new Set(passes.map(({ approval }) => approval))]);
    const signs = unknownSendings(passes, standings);
    if (known !== null) {
      signs.push(...missingLog(known, log));
      this.#settled ??= known.settled;
    }
    signs.push(...this.#foreignLogs(), ...(whole ? await this.#missingCopy(log.head) : []));
    if (known !== null) sets.witnessed(known.sets);
    await store.judgeSets(sets);
    await this.#tell(signs);
    await tellUntoldEnds(this.#parts, this.#log, this.#left);
    await this.#parts.alarmEvents.flush(true);
    this.#compared = suspicions;
    this.#comparedAt = began;
    if (alarms.standing.some(({ kind }) => kind === 'went_back')) return;
    await this.#keep(log.head, log.checkpoint, acceptance?.number ?? 0);
  }

  /** Of many passes, those whose turn it is: all of them have one in a few minutes. */
  #nextOf(all: readonly SpentPass[]): readonly SpentPass[] {
    if (this.#turn >= all.length) this.#turn = 0;
    const some = all.slice(this.#turn, this.#turn + FEW);
    this.#turn += FEW;
    return some;
  }

  /** The latest of what this process and the witnesses know; what was known before the last acceptance does not count. */
  #latest(found: WitnessedState | null, accepted: number): WitnessedState | null {
    let latest: WitnessedState | null = null;
    for (const state of [this.#state, found]) {
      if (state === null || state.accepted < accepted) continue;
      const further = latest === null || state.accepted > latest.accepted || state.seq > latest.seq;
      if (further) latest = state;
    }
    return latest;
  }

  async #logFound(known: WitnessedState | null, acceptance: Acceptance | null) {
    const { ledger } = this.#parts;
    const { head, checkpoint } = await ledger.ends();
    const hashThere = known === null || known.seq === 0 ? null : await this.#hashAt(known.seq, known.hash);
    return { head, checkpoint, hashThere, accepted: acceptance?.number ?? 0 };
  }

  /**
   * The hash of the event at this place. One that was cut is gone, as a signed event of a gateway's says: it counts as `known`,
   * unless it was the last one, whose hash that event names.
   */
  async #hashAt(seq: number, known: string): Promise<string | null> {
    const cut = (await this.#parts.ledger.cuts()).find(({ covered }) => covered);
    if (cut !== undefined && seq <= cut.to) return seq === cut.to ? cut.last : known;
    const [event] = await this.#parts.ledger.chain(seq - 1, 1, { phrases: false });
    return event?.seq === seq ? event.hash : null;
  }

  #foreignLogs(): WentBack[] {
    if (this.#otherLogs.length === 0) return [];
    const why = `the database has the log ${this.#log}, and it had ${this.#otherLogs.join(', ')}`;
    return [{ about: 'epoch', why, approval: null }];
  }

  /** The last line of `checkpoints.jsonl` must be of this log, unless an operator has accepted that it is not. */
  async #missingCopy(head: number): Promise<WentBack[]> {
    const copy = await this.#parts.lastCopy();
    if (copy === null || copy.signature === this.#settled) return [];
    const there = copy.seq <= head ? await this.#hashAt(copy.seq, copy.hash) : null;
    if (there === copy.hash) return [];
    const why = `checkpoints.jsonl says that event ${copy.seq} was signed, and the log ${copy.seq > head ? `ends at ${head}` : 'has another one there'}`;
    return [{ about: `checkpoints.jsonl ${copy.seq}`, why, approval: null }];
  }

  async #keep(head: number, checkpoint: number, accepted: number): Promise<void> {
    const { board, sets } = this.#parts;
    const hash = head === 0 ? '' : await this.#hashAt(head, '');
    if (hash === null) return;
    const state = { log: this.#log, accepted, seq: head, hash, checkpoint, sets: sets.heads, settled: this.#settled };
    // Unchanged states are kept too: a witness that was emptied learns it again.
    this.#state = state;
    await board.keep(state);
  }

  #foundSet({ name, kind, why, row }: SetFinding): void {
    const { alarms, alarmEvents, clock, log } = this.#parts;
    if (kind === 'older') {
      void this.#tell([{ about: `set ${name}`, why, approval: null }]);
      return;
    }
    const about = row === null ? `set ${name}` : `row ${name} ${row}`;
    if (!alarms.raise('seal_broken', about, why, clock.now())) return;
    log.error({ about }, `${why}; nothing that needs an approval runs until an operator accepts the store`);
    const data = { table: name, row, field: row === null ? 'set' : 'row', why };
    alarmEvents.tell({ ...NO_SUBJECT, type: 'seal.broken', at: clock.now(), actor: 'holdfast', data });
  }

  async #tell(signs: readonly WentBack[]): Promise<void> {
    const { alarms, alarmEvents, clock, log } = this.#parts;
    const fresh = signs.filter(({ about, why }) => alarms.raise('went_back', about, why, clock.now()));
    const approvals = signs.flatMap(({ approval }) =>
      approval === null || this.older.has(approval) ? [] : [approval],
    );
    for (const id of approvals) this.older.add(id);
    if (approvals.length > 0) this.#listener?.older(approvals);
    if (fresh.length === 0) return;
    const found = fresh.slice(0, MOST_LISTED).map(({ why }) => why);
    log.error(
      { found, more: fresh.length - found.length },
      `the database went back in time, and nothing that needs an approval runs. ${REMEDIES.went_back}`,
    );
    const data = {
      log: this.#log,
      found,
      more: fresh.length - found.length,
      approvals: approvals.slice(0, MOST_LISTED),
    };
    alarmEvents.tell({ ...NO_SUBJECT, type: 'log.went_back', at: clock.now(), actor: 'holdfast', data }, false);
  }

  /** Nothing is forgotten: this process knew them, and has told them again. So it stops nothing. */
  #tellLost({ witness, passes }: LostEntries): void {
    const { alarmEvents, clock, log } = this.#parts;
    const approvals = [...new Set(passes.map(({ approval }) => approval))].slice(0, MOST_LISTED);
    log.warn(
      { witness, count: passes.length, approvals },
      'a witness lost entries that it had, and was told them again',
    );
    const data = { log: this.#log, witness, count: passes.length, approvals };
    alarmEvents.tell({ ...NO_SUBJECT, type: 'witness.lost', at: clock.now(), actor: 'holdfast', data }, false);
  }

  /** This approval was about to be sent a second time, or after it had ended; or it ended after it was sent. */
  foundKnown({ approval, at, ended }: SpentPass): void {
    const why = `${approval} ${ended === undefined ? 'was sent' : `had ended (${ended})`} at ${at.toISOString()}, and the database did not know it`;
    void this.#tell([{ about: `approval ${approval}`, why, approval }]);
  }

  async #adopt(acceptance: Acceptance): Promise<void> {
    const { alarms, alarmEvents, sets, log, board, place, lastCopy } = this.#parts;
    if (alarms.standing.length > 0) log.warn({ number: acceptance.number }, 'an operator accepted the store as it is');
    this.#settled = (await lastCopy())?.signature ?? null;
    if (this.#otherLogs.length > 0) await board.bind(place, this.#log);
    this.#otherLogs = [];
    this.#state = null;
    this.older.clear();
    this.#left.clear();
    sets.forget();
    alarms.clear();
    alarmEvents.restart();
    this.#suspicions += 1;
    this.#learn(acceptance);
  }

  #learn(acceptance: Acceptance): void {
    this.#accepted = acceptance;
    this.#listener?.accepted(acceptance);
  }
}
