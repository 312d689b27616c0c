import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replacePrivate, textOf } from './files.ts';

/** In the private folder: which folder it was made in. */
const MARK = 'made-here';
/** What init believes of it: tokens, secrets, and the list of files that it may put back. */
const BELIEVED = ['clients', 'secrets'];

/**
 * Whether what init keeps in this folder was put there by init on this machine. A folder that came with a repository or an
 * archive, or was copied, is another folder than its mark says: somebody else may know its tokens, and may have written
 * its list of files to put back. True where there is nothing yet to believe.
 */
export function isMadeHere(kept: string): boolean {
  if (!BELIEVED.some((name) => existsSync(join(kept, name)))) return true;
  const mark = textOf(join(kept, MARK));
  return mark.kind === 'read' && mark.text.trim() === identityOf(kept);
}

/** From here on it is believed. */
export function markMadeHere(kept: string): void {
  const identity = identityOf(kept);
  const mark = textOf(join(kept, MARK));
  if (mark.kind !== 'read' || mark.text.trim() !== identity) replacePrivate(join(kept, MARK), `${identity}\n`);
}

/** What whoever packs a folder cannot foresee: where it comes to lie on this disk, and when, in ns since 1970. */
function identityOf(folder: string): string {
  const { ino, birthtimeNs } = statSync(folder, { bigint: true });
  return `${ino} ${birthtimeNs}`;
}
