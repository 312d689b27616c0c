import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import type { Proof } from '../domain/log/evidence.ts';
import { PUBLIC_HEAD } from './signing.ts';

/** What verification computes. It needs no secret. */
export function proof(): Proof {
  const known = new Map<string, KeyObject>();
  const keyOf = (hex: string): KeyObject => {
    const made = known.get(hex) ?? publicKeyOf(hex);
    known.set(hex, made);
    return made;
  };
  return {
    sha256: (text) => hash('sha256', text),
    // By its digits: Node takes more than twice as long to make a buffer itself.
    digest: (octets) => Buffer.from(hash('sha256', octets), 'hex'),
    verifies: (key, text, signature) => {
      if (!/^[0-9a-f]{64}$/.test(key) || !/^[0-9a-f]{128}$/.test(signature)) return false;
      return verify(null, Buffer.from(text), keyOf(key), Buffer.from(signature, 'hex'));
    },
  };
}

function publicKeyOf(hex: string): KeyObject {
  const der = Buffer.concat([PUBLIC_HEAD, Buffer.from(hex, 'hex')]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

/** The Ed25519 public key in a text: 64 hex digits that it begins with, or PEM. null: there is none. */
export function publicKeyIn(text: string): string | null {
  const [first = ''] = text.trim().toLowerCase().split(/\s/);
  if (/^[0-9a-f]{64}$/.test(first)) return first;
  if (!text.includes('BEGIN PUBLIC KEY')) return null;
  try {
    const key = createPublicKey(text);
    if (key.asymmetricKeyType !== 'ed25519') return null;
    return key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_HEAD.length).toString('hex');
  } catch {
    return null;
  }
}
