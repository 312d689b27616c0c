import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from '../../main/process/terminal.ts';
import { keyRing } from '../../vault/keys.ts';
import { signingKey } from '../../vault/signing.ts';

/** The data directory, as the command line or the environment names it. */
export function dataDirectory(given: string | undefined, { env }: Terminal): string {
  return given ?? (env.HOLDFAST_DATA || '.holdfast');
}

/** Public keys made from HOLDFAST_SECRET, or from the secret that embedded mode made for itself. */
export function ownKeys(data: string, { env }: Terminal): string[] {
  const file = join(data, 'secret');
  const made = !env.DATABASE_URL && existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  const secrets = (env.HOLDFAST_SECRET || made).split(',').map((secret) => secret.trim());
  return secrets.filter((secret) => secret !== '').map((secret) => signingKey(keyRing(secret)).publicKey);
}
