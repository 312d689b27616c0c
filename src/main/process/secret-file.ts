import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import type { ReadSecretFile, SecretFile } from '../../config/secret-from.ts';

/** The largest file that is taken for a secret, in bytes. */
const MOST_BYTES = 65_536;

/**
 * Reads files with secrets from disk: plain files of 64 KiB at most. `credentials`: systemd's directory of them
 * (`CREDENTIALS_DIRECTORY`), where the group's bits are the mask of an access list and say nothing about a group.
 */
export function secretsOnDisk(credentials: string | undefined): ReadSecretFile {
  return (path) => {
    let file: number;
    try {
      // Not waiting: a pipe that nobody writes into would stop the start.
      file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      return { kind: 'unreadable', why: `cannot be read (${code})`, missing: code === 'ENOENT' };
    }
    try {
      const found = fstatSync(file);
      if (!found.isFile()) return unreadable('is not a plain file');
      if (found.size > MOST_BYTES) return unreadable(`is longer than ${MOST_BYTES} bytes`);
      const listed = credentials !== undefined && resolve(path).startsWith(resolve(credentials) + sep);
      return { kind: 'read', bytes: readFileSync(file), openTo: openTo(found.mode, listed) };
    } finally {
      closeSync(file);
    }
  };
}

const unreadable = (why: string): SecretFile => ({ kind: 'unreadable', why });

function openTo(mode: number, listed: boolean): Extract<SecretFile, { kind: 'read' }>['openTo'] {
  if (process.platform === 'win32') return 'nobody';
  const others = mode & (listed ? 0o007 : 0o077);
  return (others & 0o022) !== 0 ? 'writers' : others !== 0 ? 'readers' : 'nobody';
}
