/** What a row is. A seal over a row of one kind is none over a row of another. */
export type SealKind = 'approval' | 'state' | 'decision' | 'reasons' | 'event' | 'epoch' | 'revocation' | 'set';

/**
 * Seals: MACs by which rows show that a gateway wrote them (P1, P7). Their key is made from `HOLDFAST_SECRET` and is
 * nowhere in the database, so that whoever can change rows cannot seal them.
 */
export interface Seals {
  /** The seal over this text by the newest secret: its version, the secret's id and an HMAC-SHA-256 cut to 128 bits. */
  seal(kind: SealKind, text: string): string;
  /** Whether any listed secret sealed this text. Compared in constant time; false where there is no seal. */
  fits(kind: SealKind, text: string, seal: string | null): boolean;
  /** Hex SHA-256 of texts, one after the other: for what is too long to be sealed at every change. */
  digest(...texts: string[]): string;
}
