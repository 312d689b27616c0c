import { type Checkpoint, readCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { classify } from './misfit.ts';

/** What the first event's hash is made over. */
export const GENESIS = '0'.repeat(64);

/** What an event's hash is made over: the hash before it, its place, its canonical text. */
export function chainText(previous: string, seq: number, text: string): string {
  return `${previous}\n${seq}\n${text}`;
}

/** The mathematics, lent from outside: this room has none. */
export interface Proof {
  /** Hex SHA-256 of the text as UTF-8. */
  sha256(text: string): string;
  /** Ed25519 (RFC 8032). Key and signature as hex; false for anything malformed. */
  verifies(key: string, text: string, signature: string): boolean;
}

/** One event as it stands in the evidence. */
export interface Link {
  /** null: not sealed yet. */
  readonly seq: number | null;
  readonly hash: string | null;
  /** The canonical text. */
  readonly text: string;
  /** False: columns that searches go by say something else than the text. */
  readonly agrees: boolean;
}

/** What does not fit, and where. `seq` is the first event that it is about. */
export type ChainFault =
  /** The event does not follow from the one before it: its text or hash was changed, or that one's, with its hash. */
  | { readonly kind: 'changed'; readonly seq: number }
  /** `seq` to `until` are not there. */
  | { readonly kind: 'removed'; readonly seq: number; readonly until: number }
  /** `seq` and the one after it stand in each other's place. */
  | { readonly kind: 'reordered'; readonly seq: number }
  | { readonly kind: 'inserted'; readonly seq: number }
  /** The text is right, but the columns beside it would make a search answer wrongly. */
  | { readonly kind: 'mislabelled'; readonly seq: number }
  /** The chain fits in itself and not what was signed: something after `after`, up to `seq`, was made anew. */
  | { readonly kind: 'rewritten'; readonly seq: number; readonly after: number }
  /** A checkpoint vouches for `until`, the log ends before `seq`. */
  | { readonly kind: 'truncated'; readonly seq: number; readonly until: number }
  | { readonly kind: 'foreign_key'; readonly seq: number; readonly key: string }
  | { readonly kind: 'bad_signature'; readonly seq: number }
  /** The checkpoint of `seq` stands in another's place, or twice. */
  | { readonly kind: 'checkpoint_swapped'; readonly seq: number }
  /** A checkpoint is gone: the next one, or an event of the log, names it. */
  | { readonly kind: 'checkpoint_removed'; readonly seq: number };

/** What was found. No fault and `covered === head`: the log is what the gateway signed, whole. */
export interface Report {
  /** Sealed events that were looked at. */
  readonly events: number;
  /** The last place in the chain; 0: none. */
  readonly head: number;
  /** The last event that a good checkpoint vouches for; 0: none does. */
  readonly covered: number;
  /** When that one was signed; null: none. */
  readonly coveredAt: string | null;
  readonly checkpoints: number;
  readonly unsealed: number;
  /** In the order in which they were met. */
  readonly faults: readonly ChainFault[];
}

interface Head {
  readonly seq: number;
  readonly hash: string;
  readonly previous: string;
}

const SIGNED = '"type":"checkpoint.signed"}';

/**
 * Reads the log once, in the chain's order, each checkpoint after the event it vouches for, and says what does not
 * fit. Memory does not grow with the log. After the first event that does not fit the rest proves nothing any more;
 * it is counted, and signatures are still looked at.
 */
export class ChainCheck {
  readonly #proof: Proof;
  readonly #keys: ReadonlySet<string>;
  /** Checkpoints kept elsewhere, the lowest last. */
  readonly #elsewhere: Checkpoint[] = [];
  readonly #faults: ChainFault[] = [];
  readonly #misplaced: Checkpoint[] = [];
  /** Good checkpoints of the evidence that no event has named yet, with their digest. */
  readonly #unnamed = new Map<number, string>();
  #head: Head = { seq: 0, hash: GENESIS, previous: GENESIS };
  #misfit: Link | null = null;
  #broken = false;
  #events = 0;
  #unsealed = 0;
  #checkpoints = 0;
  #lastDigest: string | null = null;
  #covered: Checkpoint | null = null;

  /** `keys`: public keys that may sign. `elsewhere`: checkpoints that were kept out of reach of whoever had the log. */
  constructor(proof: Proof, keys: readonly string[], elsewhere: readonly SignedCheckpoint[] = []) {
    this.#proof = proof;
    this.#keys = new Set(keys);
    for (const signed of elsewhere) {
      const read = this.#signature(signed);
      if (read !== null) this.#elsewhere.push(read);
    }
    this.#elsewhere.sort((a, b) => b.seq - a.seq);
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
    if (!link.agrees) this.#faults.push({ kind: 'mislabelled', seq: link.seq });
    if (link.text.endsWith(SIGNED)) this.#named(link.text);
    while (this.#elsewhere.at(-1)?.seq === link.seq) this.#vouch(this.#elsewhere.pop()!);
  }

  /** A checkpoint of the evidence itself, where it stands. */
  checkpoint(signed: SignedCheckpoint): void {
    const read = this.#signature(signed);
    if (read === null) return;
    const before = this.#lastDigest;
    this.#lastDigest = this.#proof.sha256(signed.text);
    if (this.#misfit !== null || this.#broken) return;
    if (read.seq < this.#head.seq) this.#faults.push({ kind: 'checkpoint_swapped', seq: read.seq });
    // It may vouch for events that are gone: the end tells.
    if (read.seq > this.#head.seq) this.#misplaced.push(read);
    if (read.seq !== this.#head.seq) return;
    if (read.previous !== before) this.#faults.push({ kind: 'checkpoint_removed', seq: read.seq });
    this.#unnamed.set(read.seq, this.#lastDigest);
    this.#vouch(read);
  }

  end(): Report {
    if (this.#misfit !== null) this.#break(null);
    const { seq: head } = this.#head;
    if (!this.#broken) for (const read of [...this.#misplaced, ...this.#elsewhere.toReversed()]) this.#beyond(read);
    return {
      events: this.#events,
      head,
      covered: this.#covered?.seq ?? 0,
      coveredAt: this.#covered?.at ?? null,
      checkpoints: this.#checkpoints,
      unsealed: this.#unsealed,
      faults: this.#faults,
    };
  }

  #fits(previous: string, seq: number, text: string, hash: string): boolean {
    return this.#proof.sha256(chainText(previous, seq, text)) === hash;
  }

  #break(next: Link | null): void {
    const fits = this.#fits.bind(this);
    this.#faults.push(classify(this.#head, this.#misfit!, next, fits));
    this.#misfit = null;
    this.#broken = true;
  }

  /** What a checkpoint says, if a key that may sign signed it. */
  #signature({ text, signature }: SignedCheckpoint): Checkpoint | null {
    this.#checkpoints += 1;
    const read = readCheckpoint(text);
    if (read === null) this.#faults.push({ kind: 'bad_signature', seq: this.#head.seq });
    else if (!this.#keys.has(read.key)) this.#faults.push({ kind: 'foreign_key', seq: read.seq, key: read.key });
    else if (this.#proof.verifies(read.key, text, signature)) return read;
    else this.#faults.push({ kind: 'bad_signature', seq: read.seq });
    return null;
  }

  /** The event that it vouches for was just read. */
  #vouch(read: Checkpoint): void {
    const good = read.hash === this.#head.hash && read.count === read.seq;
    if (good) this.#covered = read;
    else this.#faults.push({ kind: 'rewritten', seq: read.seq, after: this.#covered?.seq ?? 0 });
  }

  /** An event says that this checkpoint was signed. */
  #named(text: string): void {
    const { data } = JSON.parse(text) as { data?: { digest?: unknown; seq?: unknown } };
    const seq = Number(data?.seq);
    if (this.#unnamed.get(seq) === data?.digest) this.#unnamed.delete(seq);
    else this.#faults.push({ kind: 'checkpoint_removed', seq });
  }

  /** Nothing that was read stands where this one points. */
  #beyond(read: Checkpoint): void {
    const { seq: head } = this.#head;
    if (read.seq <= head) this.#faults.push({ kind: 'checkpoint_swapped', seq: read.seq });
    else this.#faults.push({ kind: 'truncated', seq: head + 1, until: read.seq });
  }
}
