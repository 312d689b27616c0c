/** A log of two keys in domain terms: what a gateway writes before, at and after a rotation, and what a thief might. */
import { chainText, GENESIS } from '../../../src/domain/log/chain.ts';
import { checkpointText, type SignedCheckpoint } from '../../../src/domain/log/checkpoint.ts';
import { keyChangeText } from '../../../src/domain/log/key-change.ts';
import { keyRing } from '../../../src/vault/keys.ts';
import { proof } from '../../../src/vault/proof.ts';
import { type SigningKey, signingKey } from '../../../src/vault/signing.ts';
import type { StoredEntry } from './tampering.ts';

export const OLD_KEY = signingKey(keyRing('the first secret, which leaked after all'));
export const NEW_KEY = signingKey(keyRing('the second secret, which is kept better'));
export const THIRD_KEY = signingKey(keyRing('a third secret, or one of a thief, as needed'));
export const LOG = 'log_0first';

const { sha256 } = proof();
const AT = '2026-11-22T10:00:00.000Z';

/** Events and checkpoints, written one after the other. */
export class KeyedLog {
  /** In the order of an export. */
  readonly lines: (StoredEntry | SignedCheckpoint)[] = [];
  #seq = 0;
  #hash = GENESIS;
  #last: SignedCheckpoint | null = null;

  /** `key`: null: as a release wrote it that recorded no keys. */
  began(key: SigningKey | null = OLD_KEY, log = LOG): this {
    return this.event('seals.began', { head: this.#seq, ...(key === null ? {} : { key: key.publicKey }), log });
  }

  /** `by`: who swears; null: nobody does. */
  changed(from: SigningKey, to: SigningKey, by: SigningKey | null = from, log = LOG): this {
    const change = { from: from.publicKey, log, to: to.publicKey };
    return this.event('key.changed', { ...change, signature: by === null ? null : by.sign(keyChangeText(change)) });
  }

  events(count: number): this {
    for (let left = count; left > 0; left -= 1) this.event('call.allowed', {});
    return this;
  }

  event(type: string, data: object): this {
    const text = JSON.stringify({
      actor: 'holdfast',
      approval: null,
      at: AT,
      data,
      grant: null,
      server: null,
      tool: null,
      type,
    });
    this.#seq += 1;
    this.#hash = sha256(chainText(this.#hash, this.#seq, text));
    this.lines.push({ seq: this.#seq, hash: this.#hash, text });
    return this;
  }

  /** `log`: null: of version 1. */
  signed(key: SigningKey, log: string | null = LOG): this {
    const previous = this.#last === null ? null : sha256(this.#last.text);
    const place = { seq: this.#seq, hash: this.#hash, count: this.#seq, at: AT, key: key.publicKey, previous };
    const text = checkpointText(log === null ? { v: 1, log, ...place } : { v: 2, log, ...place });
    this.#last = { text, signature: key.sign(text) };
    this.lines.push(this.#last);
    return this;
  }

  /** The checkpoint signed last. */
  get last(): SignedCheckpoint {
    return this.#last!;
  }
}
