import type { Checkpoint } from './checkpoint.ts';
import type { ChainFault, Proof } from './evidence.ts';
import { type KeyEvent, keyChangeText, readKeyEvent } from './key-change.ts';

/** What an auditor trusts, and of which log. */
export interface KeyTrust {
  /** Ed25519 public keys, as hex. */
  readonly keys: readonly string[];
  /** The id that the log must have; null: any. */
  readonly log?: string | null;
}

/**
 * A checkpoint's standing: `trusted`; `declared` where only the log itself says, now or later, that this key was in force,
 * which counts once a trusted key vouches for that; or what is wrong.
 */
export type Standing = 'trusted' | 'declared' | ChainFault;

const changeName = (said: KeyEvent): string =>
  said.kind === 'began' ? `${said.log} ${said.key}` : `${said.log} ${said.from} ${said.to}`;

/**
 * Which log this is, and which key may sign at each place of it. A log's first event names its id and its first key; each
 * `key.changed` is signed by the key before, and ends it. So trust goes from any key that the auditor has to all that come
 * after it, and a key that was changed, and leaked later, signs nothing any more. Checkpoints of version 1, from before
 * logs had an id, are signed by any key that the auditor has, or that the log names later.
 */
export class KeyOrder {
  readonly #proof: Proof;
  readonly #given: ReadonlySet<string>;
  readonly #trusted: Set<string>;
  readonly #unused: Set<string>;
  /** Keys that were changed, and the place of the change. */
  readonly #ended = new Map<string, number>();
  #expected: string | null;
  #log: string | null = null;
  #inForce: string | null = null;
  /** Changes that were heard of before they were read: they may come again, in their place. */
  readonly #heard = new Set<string>();
  /** From here on every checkpoint names the log. */
  #named = false;

  constructor(proof: Proof, { keys, log = null }: KeyTrust) {
    this.#proof = proof;
    this.#given = new Set(keys);
    this.#trusted = new Set(keys);
    this.#unused = new Set(keys);
    this.#expected = log;
  }

  /** The log's id, as its events and checkpoints say; null: it has none. */
  get log(): string | null {
    return this.#log;
  }

  /** Keys of the auditor's that neither signed this log nor came into force in it. */
  get unused(): readonly string[] {
    return [...this.#unused];
  }

  /** The evidence says of itself that it is of this log. */
  claim(log: string): void {
    this.#expected ??= log;
  }

  /** Whether the log says of this key that it was in force once. */
  declares(key: string): boolean {
    return key === this.#inForce || this.#ended.has(key);
  }

  /** Whether this key is the auditor's, or one that the log has named so far. */
  knows(key: string): boolean {
    return this.#trusted.has(key) || this.declares(key);
  }

  /** Whether this key is trusted, and the one that signs after all that was read. */
  signsNow(key: string): boolean {
    return this.#trusted.has(key) && !this.#ended.has(key) && (this.#inForce ?? key) === key;
  }

  /** An event that is in its place. */
  event(seq: number, text: string): ChainFault | null {
    const said = readKeyEvent(text);
    return said === null || this.#heard.delete(changeName(said)) ? null : this.#hear(seq, said);
  }

  /**
   * Reading begins after a cut: what the log said of keys before. Nothing proves these but the signatures in them, by which
   * trust goes on; what was left out makes the next checkpoint a stranger's.
   */
  resume(said: readonly KeyEvent[]): readonly ChainFault[] {
    return said.flatMap((one) => {
      // Behind a gap most of it was read before.
      const isKnown = one.kind === 'changed' && (one.to === this.#inForce || this.#ended.has(one.to));
      if (!isKnown) this.#heard.add(changeName(one));
      return isKnown ? [] : (this.#hear(0, one) ?? []);
    });
  }

  /** Whether this key is trusted by now. */
  trusts(key: string): boolean {
    return this.#trusted.has(key);
  }

  #hear(seq: number, said: KeyEvent): ChainFault | null {
    const fault = this.#belongs(seq, said.log);
    if (fault !== null) return fault;
    if (said.kind === 'began') {
      if (said.key === null) return null;
      this.#named = true;
      if (this.#inForce === null) this.#use(said.key);
      return null;
    }
    const { from, to, signature } = said;
    if (to === this.#inForce) return null;
    if (this.#ended.has(to)) return { kind: 'retired_key', seq, key: to, until: this.#ended.get(to)! };
    const follows = from !== null && (this.#inForce === null || from === this.#inForce);
    const sworn = follows && signature !== null && this.#proof.verifies(from, keyChangeText(said), signature);
    const before = this.#inForce ?? from;
    if (before !== null) this.#ended.set(before, seq);
    this.#use(to);
    if (sworn && this.#trusted.has(from)) this.#trusted.add(to);
    return sworn || this.#given.has(to) ? null : { kind: 'key_unsworn', seq, key: to };
  }

  /** A checkpoint over the event that was read last, with a signature that is right. */
  checkpoint(read: Checkpoint): Standing {
    const { v, seq, key } = read;
    const fault = this.#ofThisLog(read);
    if (fault !== null) return fault;
    if (this.#inForce === null) {
      if (v === 1) return this.#trusted.has(key) ? this.#counts(key) : 'declared';
      this.#use(key);
    }
    if (v !== 1) this.#named = true;
    if (key === this.#inForce) return this.#trusted.has(key) ? this.#counts(key) : 'declared';
    return this.#stranger(seq, key);
  }

  /** A checkpoint over an event that the log does not have; null: it may be believed. */
  beyond(read: Checkpoint): ChainFault | null {
    const { seq, key } = read;
    const fault = this.#ofThisLog(read);
    if (fault !== null) return fault;
    return this.#trusted.has(key) && !this.#ended.has(key) ? null : this.#stranger(seq, key);
  }

  /** The log must be the one that was asked for; null: it is. */
  end(): ChainFault | null {
    const missing = this.#expected !== null && this.#log === null;
    return missing ? { kind: 'other_log', seq: 1, log: null, expected: this.#expected } : null;
  }

  #stranger(seq: number, key: string): ChainFault {
    const until = this.#ended.get(key);
    return until === undefined ? { kind: 'foreign_key', seq, key } : { kind: 'retired_key', seq, key, until };
  }

  #ofThisLog({ v, seq, log }: Checkpoint): ChainFault | null {
    if (v !== 1 && log !== null) return this.#belongs(seq, log);
    return this.#named ? { kind: 'other_log', seq, log: null, expected: this.#log } : null;
  }

  #belongs(seq: number, log: string): ChainFault | null {
    const expected = this.#expected ?? this.#log;
    if (expected !== null && expected !== log) return { kind: 'other_log', seq, log, expected };
    this.#log ??= log;
    return null;
  }

  #use(key: string): void {
    this.#inForce = key;
    this.#unused.delete(key);
  }

  #counts(key: string): 'trusted' {
    this.#unused.delete(key);
    return 'trusted';
  }
}
