import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from '../../main/process/terminal.ts';
import { terminalSecret } from '../../main/process/terminal-secret.ts';
import { keyRing } from '../../vault/keys.ts';
import { signingKey } from '../../vault/signing.ts';

/** The data directory, as the command line or the environment names it. */
export function dataDirectory(given: string | undefined, { env }: Terminal): string {
  return given ?? (env.HOLDFAST_DATA || '.holdfast');
}

/** The values of HOLDFAST_SECRET, or the secret that embedded mode made for itself; newest first. */
export function ownSecrets(data: string, terminal: Terminal): string[] {
  const file = join(data, 'secret');
  const made =
    terminalSecret(terminal, 'DATABASE_URL') === null && existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  const secrets = (terminalSecret(terminal, 'HOLDFAST_SECRET') ?? made).split(',').map((secret) => secret.trim());
  return secrets.filter((secret) => secret !== '');
}

/** Public keys made from HOLDFAST_SECRET, or from the secret that embedded mode made for itself. */
export function ownKeys(data: string, terminal: Terminal): string[] {
  return ownSecrets(data, terminal).map((secret) => signingKey(keyRing(secret)).publicKey);
}
