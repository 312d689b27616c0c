import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The secret that embedded mode makes for itself when none is set: 32 random bytes in the data directory, readable by
 * its owner only. It is lost with the directory, and so is everything that it protects.
 */
export function embeddedSecret(directory: string): string {
  const path = join(directory, 'secret');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    // Fails if the file exists: when two processes start for the first time at once, both must use the same secret.
    writeFileSync(path, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8').trim();
}
