import { type Checkpoint, readCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { type ChainStart, type LoggedCut, readCut } from './cut.ts';
import type { ChainFault, Link, Proof } from './evidence.ts';
import { KeyOrder, type KeyTrust, type Standing } from './key-order.ts';
import { GrowingTree } from './merkle.ts';
import { diagnoseMisfit } from './misfit.ts';

/** Stands for the hash before the first event. */
export const GENESIS = '0'.repeat(64);

/** What an event's hash is made over: the hash before it, its place in the chain, its canonical text. */
export function chainText(previous: string, seq: number, text: string): string {
  return `${previous}\n${seq}\n${text}`;
}

/** What a check found. No fault and `covered === head`: the log is complete and exactly what the gateway signed. */
export interface ChainReport {
  /** Sealed events that were read. */
  readonly events: number;
  /** The last place in the chain; 0: none. */
  readonly head: number;
  /** The last event that a valid checkpoint vouches for; 0: none does. */
  readonly covered: number;
  /** When that checkpoint was signed; null: there is none. */
  readonly coveredAt: string | null;
  readonly checkpoints: number;
  readonly unsealed: number;
  /** The last place that was not read, because reading began after it; 0: it began at the log's beginning. */
  readonly since: number;
  /** The cuts that the log names, in order. */
  readonly cuts: readonly LoggedCut[];
  /** The log's id; null: it has none, as logs of before there were ids. */
  readonly log: string | null;
  /** Keys of the auditor's that neither signed the log nor came into force in it. */
  readonly unusedKeys: readonly string[];
  /** In the order in which they were found. */
  readonly faults: readonly ChainFault[];
}

interface Head {
  readonly seq: number;
  readonly hash: string;
  readonly previous: string;
}

const SIGNED = '"type":"checkpoint.signed"}';

/**
 * Reads the log once, in the order of the chain, with each checkpoint after the event that it vouches for, and reports
 * what does not fit. Memory does not grow with the log. Behind the first event that does not fit, hashes prove nothing;
 * the rest is counted, and signatures are still checked.
 */
export class ChainCheck {
  readonly #proof: Proof;
  readonly #order: KeyOrder;
  /** Checkpoints that were kept elsewhere, sorted so that the lowest is last. */
  readonly #elsewhere: Checkpoint[] = [];
  readonly #faults: ChainFault[] = [];
  readonly #misplaced: Checkpoint[] = [];
  /** Digests of valid checkpoints of the evidence that no event has named yet, by their `seq`. */
  readonly #unnamed = new Map<number, string>();
  /** Keys that only the log itself calls its own, with their first checkpoint. A trusted one after it vouches for them. */
  readonly #declared = new Map<string, number>();
  #head: Head = { seq: 0, hash: GENESIS, previous: GENESIS };
  #misfit: Link | null = null;
  #broken = false;
  #events = 0;
  #unsealed = 0;
  #checkpoints = 0;
  #lastDigest: string | null = null;
  #covered: Checkpoint | null = null;
  /** Over the events after the last checkpoint that was in its place. */
  readonly #tree: GrowingTree;
  #treeSince = 0;
  #start: (ChainStart & { readonly mustBeSigned: boolean }) | null = null;
  /** Where reading began anew last, at the beginning or behind a gap. */
  #anew: ChainStart | null = null;
  /** What was skipped: the last event before it, and where reading went on. */
  readonly #skipped: { readonly after: Head; readonly start: ChainStart }[] = [];
  readonly #cuts: LoggedCut[] = [];

  /** `elsewhere`: checkpoints kept out of reach of whoever could change the log. */
  constructor(proof: Proof, trust: KeyTrust, elsewhere: readonly SignedCheckpoint[] = []) {
    this.#proof = proof;
    this.#order = new KeyOrder(proof, trust);
    this.#tree = new GrowingTree(proof.digest);
    for (const signed of elsewhere) {
      const read = this.#signature(signed);
      if (read !== null) this.#elsewhere.push(read);
    }
    this.#elsewhere.sort((a, b) => b.seq - a.seq);
  }

  /** The evidence says of itself that it is of this log. */
  claim(log: string): void {
    this.#order.claim(log);
  }

  /**
   * Reading begins here, before anything is read. `mustBeSigned`: an event of what is read has to name this place as that
   * of a cut, or somebody took the beginning away.
   */
  begin(start: ChainStart, mustBeSigned = true): void {
    this.#start = { ...start, mustBeSigned };
    this.#goOn(start);
  }

  /**
   * What comes up to here is in nothing that is read. Reading goes on behind it; in the end cuts that are signed have to name all of
   * it, or it was removed.
   */
  skip(start: ChainStart): void {
    if (this.#misfit !== null) this.#break(null);
    if (this.#broken) return;
    this.#skipped.push({ after: this.#head, start });
    this.#goOn(start);
  }

  #goOn(start: ChainStart): void {
    const { seq, hash, checkpoint } = start;
    this.#anew = start;
    this.#head = { seq, hash, previous: GENESIS };
    this.#tree.clear();
    this.#treeSince = seq;
    this.#unnamed.clear();
    // What is not known is compared with nothing.
    this.#lastDigest = checkpoint;
    if (checkpoint !== null) this.#unnamed.set(seq, checkpoint);
    this.#faults.push(...this.#order.resume(start.keys));
    for (let kept = this.#elsewhere.at(-1); kept !== undefined && kept.seq <= seq; kept = this.#elsewhere.at(-1)) {
      this.#elsewhere.pop();
      if (kept.seq === seq && kept.hash !== hash) this.#faults.push({ kind: 'rewritten', seq, after: 0 });
    }
  }

  /** The last event that fits, and its hash. */
  get reached(): { readonly seq: number; readonly hash: string } {
    return this.#head;
  }

  /** Whether this key is the auditor's, or one to which trust has come so far. */
  trusts(key: string): boolean {
    return this.#order.trusts(key);
  }

  /** The log's id, if the evidence has named it by now; null: not yet. */
  get log(): string | null {
    return this.#order.log;
  }

  event(link: Link): void {
    if (link.seq === null || link.hash === null) {
      this.#unsealed += 1;
      return;
    }
    this.#events += 1;
    if (this.#broken) return;
    if (this.#misfit !== null) {
      this.#break(link);
      return;
    }
    const follows = link.seq === this.#head.seq + 1 && this.#fits(this.#head.hash, link.seq, link.text, link.hash);
    if (!follows) {
      this.#misfit = link;
      return;
    }
    this.#head = { seq: link.seq, hash: link.hash, previous: this.#head.hash };
    this.#tree.push(link.hash);
    if (!link.agrees) this.#faults.push({ kind: 'mislabelled', seq: link.seq });
    if (link.text.endsWith(SIGNED)) this.#named(link.text);
    const cut = readCut(link.text);
    if (cut !== null) this.#cuts.push({ ...cut, seq: link.seq });
    const wrongKey = this.#order.event(link.seq, link.text);
    if (wrongKey !== null) this.#faults.push(wrongKey);
    while (this.#elsewhere.at(-1)?.seq === link.seq) this.#judge(this.#elsewhere.pop()!);
  }

  /** A checkpoint that is part of the evidence, passed at its place among the events. */
  checkpoint(signed: SignedCheckpoint): void {
    const read = this.#signature(signed);
    if (read === null) return;
    const previous = this.#lastDigest;
    this.#lastDigest = this.#proof.sha256(signed.text);
    if (this.#misfit !== null || this.#broken) return;
    if (read.seq < this.#head.seq) this.#faults.push({ kind: 'checkpoint_swapped', seq: read.seq });
    // It may vouch for events that were removed; end() decides.
    if (read.seq > this.#head.seq) this.#misplaced.push(read);
    if (read.seq !== this.#head.seq) return;
    const isFirst = previous === null && this.#anew?.checkpoint === null;
    if (read.previous !== previous && !isFirst) this.#faults.push({ kind: 'checkpoint_removed', seq: read.seq });
    this.#unnamed.set(read.seq, this.#lastDigest);
    const before = this.#faults.length;
    this.#judge(read);
    if (this.#faults.length === before) this.#root(read);
  }

  end(): ChainReport {
    if (this.#misfit !== null) this.#break(null);
    const { seq: head } = this.#head;
    if (!this.#broken) for (const read of [...this.#misplaced, ...this.#elsewhere.toReversed()]) this.#beyond(read);
    for (const [key, seq] of this.#declared) this.#faults.push({ kind: 'foreign_key', seq, key });
    const otherLog = this.#order.end();
    if (otherLog !== null && this.#events > 0) this.#faults.push(otherLog);
    if (this.#start?.mustBeSigned === true && !this.#isSigned(this.#start)) {
      this.#faults.push({ kind: 'cut_unsigned', seq: this.#start.seq });
    }
    for (const { after, start } of this.#skipped) {
      if (!this.#isCut(after, start)) this.#faults.push({ kind: 'removed', seq: after.seq + 1, until: start.seq });
    }
    return {
      events: this.#events,
      head,
      covered: this.#covered?.seq ?? 0,
      coveredAt: this.#covered?.at ?? null,
      checkpoints: this.#checkpoints,
      unsealed: this.#unsealed,
      since: this.#start?.seq ?? 0,
      cuts: this.#cuts,
      log: this.#order.log,
      unusedKeys: this.#order.unused,
      faults: this.#faults,
    };
  }

  /** Events that a checkpoint covers say of all that was skipped that it was cut: from the end, each cut names where it began. */
  #isCut(after: Head, start: ChainStart): boolean {
    const covered = this.#covered?.seq ?? 0;
    let [to, last]: [number, string] = [start.seq, start.hash];
    while (to > after.seq) {
      const cut = this.#cuts.find((one) => one.to === to && one.last === last && one.seq <= covered);
      if (cut === undefined) return false;
      [to, last] = [cut.from - 1, cut.before];
    }
    return to === after.seq && last === after.hash;
  }

  /** An event that a checkpoint covers says that the log was cut here. */
  #isSigned({ seq, hash, checkpoint }: ChainStart): boolean {
    const covered = this.#covered?.seq ?? 0;
    return this.#cuts.some(
      (cut) => cut.to === seq && cut.last === hash && cut.checkpoint === checkpoint && cut.seq <= covered,
    );
  }

  #fits(previous: string, seq: number, text: string, hash: string): boolean {
    return this.#proof.sha256(chainText(previous, seq, text)) === hash;
  }

  #break(next: Link | null): void {
    const fits = this.#fits.bind(this);
    this.#faults.push(diagnoseMisfit(this.#head, this.#misfit!, next, fits));
    this.#misfit = null;
    this.#broken = true;
  }

  /** What a checkpoint says; null and a fault unless the key that it names signed it. */
  #signature({ text, signature }: SignedCheckpoint): Checkpoint | null {
    this.#checkpoints += 1;
    const read = readCheckpoint(text);
    if (read === null) this.#faults.push({ kind: 'bad_signature', seq: this.#head.seq });
    else if (this.#proof.verifies(read.key, text, signature)) return read;
    else if (this.#order.knows(read.key)) this.#faults.push({ kind: 'bad_signature', seq: read.seq });
    else this.#faults.push({ kind: 'foreign_key', seq: read.seq, key: read.key });
    return null;
  }

  /** Compares its root with the tree over the events since the checkpoint before it. One that does not count has no say. */
  #root({ v, seq, since, root }: Checkpoint): void {
    const isRight = v !== 3 || (since === this.#treeSince && root === this.#tree.root());
    if (!isRight) this.#faults.push({ kind: 'wrong_root', seq, since: since ?? 0 });
    this.#tree.clear();
    this.#treeSince = seq;
  }

  /** Whose checkpoint this is, over the event that was just read. */
  #judge(read: Checkpoint): void {
    const standing = this.#order.checkpoint(read);
    if (typeof standing === 'object') this.#faults.push(standing);
    else this.#vouch(read, standing);
  }

  /** Compares a checkpoint with the event that it vouches for, which was just read. */
  #vouch(read: Checkpoint, standing: Exclude<Standing, ChainFault>): void {
    const fits = read.hash === this.#head.hash && read.count === read.seq;
    if (fits && standing === 'declared') {
      if (!this.#declared.has(read.key)) this.#declared.set(read.key, read.seq);
    } else if (fits) {
      this.#covered = read;
      for (const key of this.#declared.keys()) if (this.#order.declares(key)) this.#declared.delete(key);
    } else this.#faults.push({ kind: 'rewritten', seq: read.seq, after: this.#covered?.seq ?? 0 });
  }

  /** An event of the log records that a checkpoint was signed: it must be in the evidence. */
  #named(text: string): void {
    const { data } = JSON.parse(text) as { data?: { digest?: unknown; seq?: unknown } };
    const seq = Number(data?.seq);
    if (this.#anew?.checkpoint === null && seq <= this.#anew.seq) return;
    if (this.#unnamed.get(seq) === data?.digest) this.#unnamed.delete(seq);
    else this.#faults.push({ kind: 'checkpoint_removed', seq });
  }

  /** No event was read at the place that this checkpoint vouches for. */
  #beyond(read: Checkpoint): void {
    const { seq: head } = this.#head;
    const fault = this.#order.beyond(read);
    if (fault !== null) this.#faults.push(fault);
    else if (read.seq <= head) this.#faults.push({ kind: 'checkpoint_swapped', seq: read.seq });
    else this.#faults.push({ kind: 'truncated', seq: head + 1, until: read.seq });
  }
}
