import { GENESIS } from '../../domain/log/chain.ts';
import { type ChainStart, type Cut, startAfter } from '../../domain/log/cut.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { KeyEvent } from '../../domain/log/key-change.ts';
import type { SegmentHead } from '../../domain/log/segment.ts';
import type { Archive, CutLedger, KnownCut, Ledger } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import type { Alarms } from '../log/alarms.ts';
import type { CheckpointSigner } from '../log/checkpoint-signer.ts';
import { StepProofs } from '../log/step-proofs.ts';
import type { Ports } from '../ports.ts';
import type { Rules } from '../rules.ts';
import { keepSegment, segmentKeys, timeOf } from './segments.ts';

/** What one segment takes at most, beyond the stretch that one checkpoint covers. */
const SEGMENT_EVENTS = 100_000;
const SEGMENT_OCTETS = 64 * 1024 * 1024;
/** Milliseconds that a segment is waited with, so that not every minute makes one; at most a quarter of what is retained. */
const GATHER_MS = 86_400_000;
/** Events that one statement deletes. */
const AT_ONCE = 2_000;
/** Events that stay of one stretch. More than so many is no log of a gateway. */
const MOST_STAYING = 20_000;
/** Milliseconds until it is looked at again: where nothing is to be done, and where a step comes next. */
const LATER_MS = 60_000;
const SOON_MS = 2_000;

export interface ArchiverParts
  extends Pick<
    Ports,
    | 'checkpointCopies'
    | 'clock'
    | 'ledger'
    | 'log'
    | 'openArchive'
    | 'replica'
    | 'retainMs'
    | 'sink'
    | 'store'
    | 'vault'
  > {
  readonly alarms: Pick<Alarms, 'why'>;
  readonly checkpointSigner: CheckpointSigner;
  readonly rules: Pick<Rules, 'approval' | 'retention'>;
}

/** How archiving goes, as the process knows that does it. */
export interface ArchiveState {
  /** When it was looked at last. */
  readonly at: Date;
  /** Why nothing was archived then, in words; null: what had to be done was done. */
  readonly trouble: string | null;
  /** Since when that is so. */
  readonly since: Date | null;
  /** When it last went well; null: not since this process started. */
  readonly success: Date | null;
  /** The number of the last segment that the log names; 0: none. */
  readonly segments: number;
  /** Events that could be archived by now and are not. */
  readonly waiting: number;
}

/** Milliseconds after which what a process knew is another's matter: it sweeps no longer. */
const KNOWN_MS = 5 * LATER_MS;

/**
 * Moves the log's oldest stretch out of the database, one segment after the other:
 *
 * | what is there | what is done | what a death here leaves |
 * |---|---|---|
 * | events older than what is retained, under a checkpoint that is not the last | the segment is written, read back and verified; its head is published, unless one is there | a file without a head, or a head: it is read again and goes on from there |
 * | a head that fits the log | `log.cut` is written, once whatever replicas do it | the event, which is chained and signed as every other |
 * | the event under a checkpoint | proofs of what stays are kept, then the rest is deleted in portions | fewer events: deleting goes on |
 *
 * Nothing is deleted that no signed event names, whose segment is not there as its head says, or while an alarm stands.
 */
export class LogArchiver {
  /** The last segment of which nothing is left in the database. */
  #removed = 0;
  #said = '';
  #stopped = false;
  #state: ArchiveState | null = null;
  /** What a step found to be done. */
  #found = { segments: 0, waiting: 0 };
  #trouble: string | null = null;

  /** null: this process does not archive, or did not yet. `now`: by the same clock. */
  state(now: Date): ArchiveState | null {
    const isKnown = this.#state !== null && now.getTime() - this.#state.at.getTime() < KNOWN_MS;
    return isKnown ? this.#state : null;
  }

  /** The process ends: what is under way stops at its next step. */
  stop(): void {
    this.#stopped = true;
  }

  /** One step. Returns the ms after which to go on; null: nothing is archived here. */
  async run(parts: ArchiverParts): Promise<number | null> {
    const { alarms, rules } = parts;
    if ((rules.retention ?? null) === null || this.#stopped) {
      this.#state = null;
      return null;
    }
    if (alarms.why !== null) return null;
    this.#trouble = null;
    let next = LATER_MS;
    try {
      next = await this.#step(parts);
    } catch (error) {
      this.#tell(parts, error instanceof Error ? error.message : String(error));
    }
    this.#note(parts.clock.now());
    return next;
  }

  async #step(parts: ArchiverParts): Promise<number> {
    const cuts = await parts.ledger.cuts();
    const [last] = cuts;
    this.#found = { segments: last?.segment ?? 0, waiting: 0 };
    if (last !== undefined && !last.covered) return (await this.#sign(parts)) ? SOON_MS : LATER_MS;
    if (last !== undefined && last.segment > this.#removed) {
      if (!(await this.#remove(parts, last, cuts[1] ?? null))) return LATER_MS;
      this.#removed = last.segment;
    }
    if (!(await this.#cut(parts, last ?? null))) return LATER_MS;
    await this.#sign(parts);
    this.#found = { segments: this.#found.segments + 1, waiting: 0 };
    return SOON_MS;
  }

  #note(at: Date): void {
    const trouble = this.#trouble;
    const before = this.#state;
    if (trouble === null) this.#said = '';
    this.#state = {
      ...{ at, trouble, ...this.#found },
      since: trouble === null ? null : (before?.since ?? at),
      success: trouble === null ? at : (before?.success ?? null),
    };
  }

  async #sign(parts: ArchiverParts): Promise<boolean> {
    const { checkpointSigner, store } = parts;
    await store.seal(AT_ONCE);
    return (await checkpointSigner.sign(parts)) !== null;
  }

  /** Writes the next segment, if there is enough for one, and the event that names it. */
  async #cut(parts: ArchiverParts, last: KnownCut | null): Promise<boolean> {
    const { clock, ledger, log, openArchive, rules, sink, vault } = parts;
    const terms = rules.retention!;
    const retainMs = parts.retainMs ?? terms.retainMs;
    const now = clock.now();
    const before = new Date(now.getTime() - retainMs);
    const id = await ledger.logId();
    const { checkpoint } = await ledger.ends();
    if (id === null) return false;
    const after = last?.to ?? 0;
    const read = await ledger.readUpTo(sink?.name ?? null);
    const bounds = { upTo: Math.min(read, checkpoint - 1), before, events: SEGMENT_EVENTS, octets: SEGMENT_OCTETS };
    const end = await ledger.segmentEnd(after, bounds);
    if (end === null) return false;
    const [first] = await ledger.chain(after, 1, { phrases: false });
    if (first === undefined || first.seq !== after + 1) {
      throw new Error(`event ${after + 1} of the log is missing, so nothing is archived; run holdfast audit verify`);
    }
    const gatherMs = Math.min(GATHER_MS, retainMs / 4);
    const isOld = new Date(timeOf(first.text)).getTime() <= before.getTime() - gatherMs;
    if (!isOld && end.seq - after < SEGMENT_EVENTS / 2) return false;
    this.#found = { ...this.#found, waiting: end.seq - after };
    const said = await ledger.keyEvents(after);
    const keys = await segmentKeys(ledger, vault);
    // The replica that lists the secret of the key in force does it.
    if (keys === null) return false;
    const start = startOf(last, said);
    const segment = (last?.segment ?? 0) + 1;
    const stretch = { log: id, segment, start, to: end.seq, previous: last?.head ?? null };
    const archive = terms.archive === null ? null : openArchive?.(terms.archive);
    if (archive === undefined) throw new Error('segments of the log cannot be kept on this runtime');
    const kept = archive === null ? null : await keepSegment({ ledger, vault, at: now }, archive, stretch, keys);
    if (this.#stopped) return false;
    const cut = kept === null ? await this.#unkept(parts, stretch) : cutOf(kept.head, kept.digest);
    // A head that is there from before may be anybody's with a key that leaked: what it says is compared with the log.
    const isThere = await this.#isAsHere(parts, cut);
    if (!isThere || cut.to >= checkpoint || cut.to > read || new Date(cut.until) > before) {
      const where = archive?.name ?? 'the archive';
      throw new Error(
        `${where} has a segment ${segment} that ends at event ${cut.to}, and the log here has another event ` +
          'there, or none that may go yet. If the database was restored from a backup, take that segment and its head out of the archive',
      );
    }
    const event = cutEvent(parts, cut, kept?.head ?? null, archive, await ledger.octets());
    const isFirst = await ledger.recordCut(segment, event);
    if (isFirst) {
      const { from, to } = cut;
      const words = archive === null ? 'is cut' : `is archived in ${archive.name}, and is cut once that is signed`;
      log.info({ segment, from, to, packed: kept?.head.octets, unpacked: kept?.head.unpacked }, `the log ${words}`);
    }
    return true;
  }

  /** Nothing is kept of it: `archive: none`. */
  async #unkept(
    { ledger, vault }: ArchiverParts,
    { log, segment, start, to }: { log: string; segment: number; start: { seq: number; hash: string }; to: number },
  ): Promise<Cut> {
    const [last] = await ledger.chain(to - 1, 1, { phrases: false });
    const [covering] = await ledger.checkpoints(to - 1, to);
    if (last?.seq !== to || covering === undefined) throw new Error(`event ${to} of the log is missing`);
    const checkpoint = vault.proof.sha256(covering.text);
    const ends = { from: start.seq + 1, to, before: start.hash, last: last.hash!, until: timeOf(last.text) };
    return { log, segment, ...ends, checkpoint, head: null };
  }

  /** Whether the log here has the same event and checkpoint at its end. */
  async #isAsHere({ ledger, vault }: ArchiverParts, { to, last, until, checkpoint }: Cut): Promise<boolean> {
    const [event] = await ledger.chain(to - 1, 1, { phrases: false });
    const [covering] = await ledger.checkpoints(to - 1, to);
    if (event?.seq !== to || covering === undefined) return false;
    return event.hash === last && timeOf(event.text) === until && vault.proof.sha256(covering.text) === checkpoint;
  }

  /** Deletes what a signed cut names. False: it is not done here, or not yet. */
  async #remove(parts: ArchiverParts, cut: KnownCut, before: KnownCut | null): Promise<boolean> {
    const { ledger, log, rules } = parts;
    const since = before?.to ?? 0;
    // Also where the place is another one by now: what was deleted needs no segment.
    if (await isRemoved(ledger, since, cut.to)) return true;
    // Where nothing is kept any more, what was kept need not be there.
    const isLookedAt = cut.head !== null && rules.retention!.archive !== null;
    if (isLookedAt && !(await this.#isKept(parts, cut))) return false;
    const graceMs = rules.approval.pickupMs;
    // With the event after it: by a link that is not kept the next cut would delete it.
    const staying = await ledger.staying(since, cut.to + 1, graceMs, MOST_STAYING + 1);
    if (staying.length > MOST_STAYING) {
      throw new Error(`more than ${MOST_STAYING} events up to ${cut.to} would have to stay; nothing is deleted`);
    }
    const proofs = new StepProofs(parts);
    const links = [];
    for (const { seq, hash, previous: before, text } of staying) {
      const previous = seq === 1 ? GENESIS : before;
      if (previous === null)
        throw new Error(`the event before event ${seq}, which has to stay, is missing; nothing is deleted`);
      const step = await proofs.of([{ seq, hash, previous, text }]);
      links.push({ seq, previous, checkpoint: step[0]!.checkpoint, path: step[0]!.path });
    }
    await ledger.keepLinks(links, { seq: cut.to + 1, previous: cut.last });
    const octets = await ledger.octets();
    let [removed, reached] = [0, 0];
    while (!this.#stopped && parts.alarms.why === null) {
      const portion = await ledger.removeCut(cut, reached, AT_ONCE);
      removed += portion.removed;
      if (portion.last === null) {
        if (removed > 0) {
          const { segment, to } = cut;
          const told = { segment, to, removed, stay: links.length, octets, octetsNow: await ledger.octets() };
          log.info(told, 'events that were cut are out of the database; it fills their room again');
        }
        return true;
      }
      reached = portion.last;
      await breathe();
    }
    return false;
  }

  /** Whether the segment is where its head says, as its head says: looked at again before anything is deleted. */
  async #isKept(parts: ArchiverParts, cut: KnownCut): Promise<boolean> {
    const { ledger, openArchive, rules, vault } = parts;
    const place = rules.retention!.archive;
    const archive = place === null ? undefined : openArchive?.(place);
    const line = (await archive?.head(cut.log, cut.segment)) ?? null;
    if (archive === undefined || line === null) {
      const where = archive?.name ?? 'no archive';
      // It may be with another replica, whose archive is another one, and which deletes then.
      this.#tell(
        parts,
        `segment ${cut.segment} of the log is not in ${where}, so what it holds is not deleted from here`,
      );
      return false;
    }
    const [keys, cuts] = [await segmentKeys(ledger, vault), await ledger.cuts()];
    if (keys === null) return false;
    const earlier = cuts.find(({ segment }) => segment === cut.segment - 1) ?? null;
    const start = startOf(earlier, await ledger.keyEvents(earlier?.to ?? 0));
    const stretch = { log: cut.log, segment: cut.segment, start, to: cut.to, previous: earlier?.head ?? null };
    const { digest } = await keepSegment({ ledger, vault, at: parts.clock.now() }, archive, stretch, keys);
    if (digest !== cut.head) throw new Error(`${archive.name} has another segment ${cut.segment} than the log names`);
    return true;
  }

  /** Says once why nothing is archived. */
  #tell({ log }: Pick<ArchiverParts, 'log'>, why: string): void {
    this.#trouble = why;
    if (this.#said !== why) log.error({}, `the log is not archived: ${why}`);
    this.#said = why;
  }
}

/** Events of a cut that are looked at together. */
const FEW = 200;

/** Whether nothing is left of a stretch but what stays. */
async function isRemoved(
  ledger: Pick<CutLedger & Ledger, 'chain' | 'link'>,
  after: number,
  to: number,
): Promise<boolean> {
  for (let reached = after, looked = 0; looked <= MOST_STAYING; ) {
    const page = await ledger.chain(reached, FEW, { phrases: false });
    for (const { seq } of page) {
      if (seq! > to) return true;
      // Where it is not done yet, the first one mostly has none.
      if ((await ledger.link(seq!)) === null) return false;
    }
    if (page.length === 0) return true;
    reached = page.at(-1)!.seq!;
    looked += page.length;
  }
  return false;
}

/** Where the segment after this cut begins; null: with the log's first event. */
function startOf(cut: KnownCut | null, said: readonly KeyEvent[]): ChainStart {
  return cut === null ? { seq: 0, hash: GENESIS, checkpoint: null, keys: said } : startAfter(cut, said);
}

function cutOf({ log, segment, from, to, before, last, checkpoint, until }: SegmentHead, head: string): Cut {
  return { log, segment, from, to, before, last, checkpoint, until, head };
}

function cutEvent(
  { clock, replica }: Pick<Ports, 'clock' | 'replica'>,
  cut: Cut,
  head: SegmentHead | null,
  archive: Archive | null,
  octets: number,
): NewEvent {
  const about =
    head === null ? {} : { file: head.file, sha256: head.sha256, packed: head.octets, unpacked: head.unpacked };
  const data = { ...cut, events: cut.to - cut.from + 1, ...about, archive: archive?.name ?? null, octets };
  return { ...NO_SUBJECT, type: 'log.cut', at: clock.now(), actor: 'holdfast', replica, data };
}
