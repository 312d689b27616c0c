import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeyRing, Purpose } from './keys.ts';

/**
 * A sealed row: version (1 byte), key id (4), nonce (12), AES-256-GCM ciphertext, tag (16). The associated data are
 * purpose and row, so that a ciphertext that was moved to another row does not open.
 */
const VERSION = 1;
const HEAD = 1 + 4 + 12;
const TAG = 16;

export function sealBox(ring: KeyRing, purpose: Purpose, row: string, bytes: Uint8Array): Uint8Array {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', ring.key(purpose), nonce);
  cipher.setAAD(Buffer.from(`${purpose}\n${row}`));
  return Buffer.concat([Buffer.of(VERSION), ring.id, nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what one of the rings sealed. Throws when none did, or when a byte was changed. */
export function openBox(rings: readonly KeyRing[], purpose: Purpose, row: string, sealed: Uint8Array): Uint8Array {
  const box = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (box.length < HEAD + TAG || box[0] !== VERSION) throw new Error(`the sealed ${purpose} is not one of ours`);
  const ring = rings.find((candidate) => candidate.id.equals(box.subarray(1, 5)));
  if (!ring) throw new Error(`the ${purpose} was sealed with a secret that HOLDFAST_SECRET no longer lists`);
  const decipher = createDecipheriv('aes-256-gcm', ring.key(purpose), box.subarray(5, HEAD));
  decipher.setAAD(Buffer.from(`${purpose}\n${row}`));
  decipher.setAuthTag(box.subarray(box.length - TAG));
  return Buffer.concat([decipher.update(box.subarray(HEAD, box.length - TAG)), decipher.final()]);
}
