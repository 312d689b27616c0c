import type { Json } from '../domain/json.ts';

/** Keys, derived from `HOLDFAST_SECRET` one a purpose. */
export interface Vault {
  /** HMAC-SHA-256 over RFC 8785 of the material, hex; the first is today's, the rest are of older secrets. */
  fingerprints(material: Json): readonly string[];
  /** AES-256-GCM, bound to the row. */
  seal(purpose: 'request' | 'result' | 'state', row: string, bytes: Uint8Array): Uint8Array;
  /** Opens what any listed secret sealed; throws when none did. */
  open(purpose: 'request' | 'result' | 'state', row: string, sealed: Uint8Array): Uint8Array;
  /** A keyed digest, for looking secrets up without keeping them. */
  digest(purpose: 'session' | 'console' | 'outcome' | 'state', text: string | Uint8Array): string;
  /** The same under every secret, newest first: to find what was named by an older one. */
  digests(purpose: 'session' | 'console' | 'state', text: string): readonly string[];
  /** Ed25519 over the text by today's checkpoint key, hex. */
  sign(text: string): string;
  /** Public keys of every listed secret, 64 hex digits each; today's first. */
  readonly publicKeys: readonly string[];
}
