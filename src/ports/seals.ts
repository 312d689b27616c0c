/** What a row is. A seal over a row of one kind is none over a row of another. */
export type SealKind =
  | 'approval'
  | 'state'
  | 'decision'
  | 'answer'
  | 'reasons'
  | 'facts'
  | 'event'
  | 'epoch'
  | 'revocation'
  | 'row'
  | 'set'
  | 'witness';

/**
 * `newest`: the first of `HOLDFAST_SECRET`. `older`: another one that is listed. `retired`: one that is listed no longer,
 * and of which the log says that it was one of ours. `unknown`: anything else, or no seal at all.
 */
export type SealMaker = 'newest' | 'older' | 'retired' | 'unknown';

/**
 * Seals: MACs by which rows show that a gateway wrote them (P1, P7). Their key is made from `HOLDFAST_SECRET` and is
 * nowhere in the database, so that whoever can change rows cannot seal them.
 */
export interface Seals {
  /**
   * Says which log this database has: from now on all seals but those of the kinds `epoch` and `witness`, which name it
   * themselves, are of this log only, and one of another log under the same secret does not fit (P1, P7).
   */
  bind(log: string): void;
  /** The seal over this text by the newest secret: its version, the secret's id and an HMAC-SHA-256 cut to 128 bits. */
  seal(kind: SealKind, text: string): string;
  /** The same by each listed secret, newest first. */
  sealEach(kind: SealKind, text: string): readonly string[];
  /** The same as `seal`, and no other seal is equal to it: of two equal ones one is a copy. */
  sealOnce(kind: SealKind, text: string): string;
  /** Whether any listed secret sealed this text. Compared in constant time; false where there is no seal. */
  fits(kind: SealKind, text: string, seal: string | null): boolean;
  /** The same for another log than the one that is bound. */
  fitsIn(log: string, kind: SealKind, text: string, seal: string | null): boolean;
  /** Which secret a seal says made it. Reads only its beginning: whether it fits is another question. */
  maker(seal: string | null): SealMaker;
  /** The beginning of every seal by the newest secret: its version and the secret's id. */
  readonly prefix: string;
  /** The beginnings of seals by all secrets before the newest that are listed or known to be retired. */
  readonly earlier: readonly string[];
  /**
   * The beginnings of seals by secrets that signed this log once and may be listed no longer, each with the place in the
   * chain of the event that ended it.
   */
  retire(ends: ReadonlyMap<string, number>): void;
  /** Whether an event at this place of the chain may be without a seal; until `mayLackUntil` was called, every one may. */
  mayLack(seq: number): boolean;
  /** Events up to this place of the chain may be without a seal: there were none yet, or an operator accepted them. */
  mayLackUntil(seq: number): void;
  /** Whether a seal that says that a retired secret made it is of an event at a place before that secret's end. */
  wasGood(seal: string | null, seq: number): boolean;
  /** Hex SHA-256 of texts, one after the other: for what is too long to be sealed at every change. */
  digest(...texts: string[]): string;
}
