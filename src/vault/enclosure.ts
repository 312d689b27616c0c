import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * What is encrypted by a key of its own: `x1`, then in hex nonce (12 octets), AES-256-GCM ciphertext, tag (16). Letters and
 * digits only: the log's search takes it for one word, which nobody looks for, where base64 would be many.
 */
const HEAD = 'x1';
const NONCE = 12;
const TAG = 16;
const KEY = /^[0-9a-f]{64}$/;

/** `key`: 64 hex digits, of one approval and nothing else. */
export function encloseBy(key: string, name: string, text: string): string {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', keyOf(key), nonce);
  cipher.setAAD(Buffer.from(`erasable\n${name}`));
  const octets = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${HEAD}${octets.toString('hex')}`;
}

export function discloseBy(key: string, name: string, box: string): string {
  const octets = Buffer.from(box.slice(HEAD.length), 'hex');
  if (!box.startsWith(HEAD) || octets.length * 2 !== box.length - HEAD.length || octets.length < NONCE + TAG) {
    throw new Error('this is not one of our ciphertexts');
  }
  const decipher = createDecipheriv('aes-256-gcm', keyOf(key), octets.subarray(0, NONCE));
  decipher.setAAD(Buffer.from(`erasable\n${name}`));
  decipher.setAuthTag(octets.subarray(octets.length - TAG));
  return Buffer.concat([decipher.update(octets.subarray(NONCE, octets.length - TAG)), decipher.final()]).toString(
    'utf8',
  );
}

function keyOf(key: string): Buffer {
  if (!KEY.test(key)) throw new Error('a key has 64 hex digits');
  return Buffer.from(key, 'hex');
}
