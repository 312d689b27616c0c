import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Bytes of a client's file, at most. */
export const MOST_CLIENT_BYTES = 32 * 1024 * 1024;

export type ReadClientText =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'missing' }
  /** `why`: in words, after the path. */
  | { readonly kind: 'unreadable'; readonly why: string };

/** A text file as it is, its byte order mark included. */
export function textOf(path: string): ReadClientText {
  try {
    const found = statSync(path);
    if (!found.isFile()) return { kind: 'unreadable', why: 'is not a file' };
    if (found.size > MOST_CLIENT_BYTES) return { kind: 'unreadable', why: `is longer than ${MOST_CLIENT_BYTES} bytes` };
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
    return { kind: 'read', text };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
    return {
      kind: 'unreadable',
      why: code === undefined || code.startsWith('ERR_') ? 'is not UTF-8 text' : `cannot be read (${code})`,
    };
  }
}

/** A new file that its owner alone may read. Throws where there is one already. */
export function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
}

/** Puts a text in the place of a file, whole or not at all; then its owner alone may read it. */
export function replacePrivate(path: string, text: string): void {
  const beside = `${path}.${randomBytes(6).toString('hex')}.new`;
  writePrivate(beside, text);
  try {
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/** The first of `name`, `name.2`, `name.3` … that does not exist; `tail` comes after the number. */
export function freePath(path: string, tail = ''): string {
  for (let number = 1; ; number++) {
    const tried = `${path}${number === 1 ? '' : `-${number}`}${tail}`;
    if (!existsSync(tried)) return tried;
  }
}
