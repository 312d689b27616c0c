/** What is used of the port `Seals`. */
export interface EntrySeals {
  seal(kind: 'witness', text: string): string;
  fits(kind: 'witness', text: string, seal: string): boolean;
  maker(seal: string): 'newest' | 'older' | 'retired' | 'unknown';
}

/** What an entry of a witness is to its reader. */
export type OpenedEntry =
  /** Sealed, by a secret of which nothing is known: this gateway may have been started with a wrong one. */
  | { readonly kind: 'unlisted' }
  /** `older`: by a secret that is to be taken out: write it again. */
  | { readonly kind: 'ours'; readonly text: string; readonly older: boolean }
  /** By a secret that was taken out, as the log says: it counts as missing, and nobody did anything wrong. */
  | { readonly kind: 'retired' }
  /** Anybody wrote it, or it was torn: it counts as missing. */
  | { readonly kind: 'foreign' };

/** What a seal looks like, whoever made it. */
const SEALED = /^1[0-9a-f]{40}$/;
/** Characters of a seal (vault/row-seals.ts); what follows it is the text. */
export const SEAL = 41;
/** What is said of an entry that is foreign. */
export const FOREIGN =
  'that no listed secret sealed: somebody else wrote it, or a secret that was taken out; it counts as missing';

export function sealedEntry(seals: EntrySeals, text: string): string {
  return seals.seal('witness', text) + text;
}

export function openedEntry(seals: EntrySeals, entry: string): OpenedEntry {
  const [seal, text] = [entry.slice(0, SEAL), entry.slice(SEAL)];
  const maker = seals.maker(seal);
  if (seals.fits('witness', text, seal)) return { kind: 'ours', text, older: maker === 'older' };
  if (maker === 'retired') return { kind: 'retired' };
  return { kind: maker === 'unknown' && SEALED.test(seal) ? 'unlisted' : 'foreign' };
}
