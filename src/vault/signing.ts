import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyRing } from './keys.ts';

/** An Ed25519 private key in PKCS #8 is this and 32 bytes of seed (RFC 8410, section 7). */
const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** A public key in SPKI is this and 32 bytes (RFC 8410, section 4). */
export const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** The key that signs checkpoints, made from a secret. */
export interface SigningKey {
  /** 64 hex digits. */
  readonly publicKey: string;
  sign(text: string): string;
}

export function signingKey(ring: KeyRing): SigningKey {
  const der = Buffer.concat([PRIVATE_HEAD, ring.key('checkpoint').export()]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_HEAD.length);
  return { publicKey: publicKey.toString('hex'), sign: (text) => sign(null, Buffer.from(text), key).toString('hex') };
}
