import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** What a derived key is for. Each purpose has its own key, so that a leaked one opens nothing else. */
export type Purpose =
  | 'fingerprint'
  | 'request'
  | 'sample'
  | 'erasable'
  | 'result'
  | 'session'
  | 'outcome'
  | 'checkpoint'
  | 'console'
  | 'state'
  | 'seal';

/** One secret of `HOLDFAST_SECRET`, with the keys made from it. */
export interface KeyRing {
  /** Four bytes that tell which secret sealed a row. They reveal nothing about it. */
  readonly id: Buffer;
  /** A key object, made once: with plain bytes each use would cost eight times as much. */
  key(purpose: Purpose): KeyObject;
}

const SALT = 'holdfast/v1';

/** Keys are derived by HKDF-SHA-256 (RFC 5869), each once. */
export function keyRing(secret: string): KeyRing {
  const made = new Map<Purpose, KeyObject>();
  const derive = (info: string): Buffer => Buffer.from(hkdfSync('sha256', secret, SALT, info, 32));
  const key = (purpose: Purpose): KeyObject => {
    const known = made.get(purpose);
    if (known) return known;
    const fresh = createSecretKey(derive(purpose));
    made.set(purpose, fresh);
    return fresh;
  };
  return { id: createHash('sha256').update(derive('id')).digest().subarray(0, 4), key };
}
