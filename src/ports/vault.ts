import type { Json } from '../domain/json/json.ts';
import type { Proof } from '../domain/log/evidence.ts';

/** What is done with keys. They are derived from `HOLDFAST_SECRET`, one for each purpose. */
export interface Vault {
  /** HMAC-SHA-256 of the material's RFC 8785 form, hex. The first is by the newest secret, the others by older ones. */
  fingerprints(material: Json): readonly string[];
  /** AES-256-GCM, bound to the row. */
  seal(purpose: 'erasable' | 'request' | 'result' | 'sample' | 'state', row: string, bytes: Uint8Array): Uint8Array;
  /** Opens what any listed secret sealed. Throws when none did. */
  open(purpose: 'erasable' | 'request' | 'result' | 'sample' | 'state', row: string, sealed: Uint8Array): Uint8Array;
  /** So many random octets, as hex. */
  random(octets: number): string;
  /** AES-256-GCM by a key of its own (64 hex digits), bound to the name. The ciphertext is one word. */
  enclose(key: string, name: string, text: string): string;
  /** Opens what `enclose` made. Throws when it was made by another key, for another name, or was changed. */
  disclose(key: string, name: string, box: string): string;
  /** A keyed digest, so that a secret can be looked up without being kept. */
  digest(purpose: 'session' | 'console' | 'outcome' | 'state', text: string | Uint8Array): string;
  /** The same of bytes of any length, in pieces between which others have a turn. */
  digestInPieces(purpose: 'outcome', bytes: Uint8Array): Promise<string>;
  /** The same by every secret, newest first, to find what was stored under an older one. */
  digests(purpose: 'session' | 'console' | 'state', text: string): readonly string[];
  /** The text's Ed25519 signature, hex, by this public key of `publicKeys`; by default the newest secret's. */
  sign(text: string, key?: string): string;
  /** Whether this is the text's Ed25519 signature by this public key, of which no secret needs to be listed. */
  verifies(key: string, text: string, signature: string): boolean;
  /** What can be computed without a key. */
  readonly proof: Proof;
  /** The public keys of every listed secret, 64 hex digits each, newest first. */
  readonly publicKeys: readonly string[];
}
