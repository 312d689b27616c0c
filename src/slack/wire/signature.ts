import { createHmac } from 'node:crypto';
import { sameSecret } from '../../bytes/same-secret.ts';

export type SignatureCheck =
  | { readonly kind: 'genuine'; readonly signature: string }
  | { readonly kind: 'refused'; readonly reason: 'unsigned' | 'stale' | 'future' | 'forged' };

/** Slack's own limit is five minutes; ours holds in both directions. */
const WINDOW_S = 5 * 60;

/**
 * Slack's v0 signature: HMAC-SHA-256 over `v0:timestamp:body` with the app's signing secret.
 * https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export function verifySignature(
  secret: string,
  headers: { readonly timestamp: string | null; readonly signature: string | null },
  body: Uint8Array,
  now: Date,
): SignatureCheck {
  const { timestamp, signature } = headers;
  // Anybody could sign with an empty key.
  if (secret === '' || timestamp === null || signature === null) return { kind: 'refused', reason: 'unsigned' };
  if (!/^\d{1,12}$/.test(timestamp)) return { kind: 'refused', reason: 'unsigned' };
  const age = now.getTime() / 1000 - Number(timestamp);
  if (age > WINDOW_S) return { kind: 'refused', reason: 'stale' };
  if (age < -WINDOW_S) return { kind: 'refused', reason: 'future' };

  const expected = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
  if (!sameSecret(expected, signature)) return { kind: 'refused', reason: 'forged' };
  return { kind: 'genuine', signature: expected };
}

/** Signatures seen within their window, so that a recorded request is not served twice. Holds a bounded number. */
export class SeenSignatures {
  readonly #seen = new Map<string, number>();
  readonly #most: number;

  constructor(most = 10_000) {
    this.#most = most;
  }

  /** False if it was seen before. */
  add(signature: string, now: Date): boolean {
    const at = now.getTime();
    for (const [old, when] of this.#seen) {
      if (at - when <= 2 * WINDOW_S * 1000 && this.#seen.size < this.#most) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(signature)) return false;
    this.#seen.set(signature, at);
    return true;
  }

  /** For a request that could not be served: it may come again. */
  forget(signature: string): void {
    this.#seen.delete(signature);
  }
}
