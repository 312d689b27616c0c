import { readFileSync } from 'node:fs';
import type { Terminal } from '../../main/process/terminal.ts';
import { publicKeyIn } from '../../vault/proof.ts';
import { Misuse } from '../parse/misuse.ts';
import { ownKeys } from './own-keys.ts';

/** The keys that may sign: those given, else those of this machine's secret. Never a key that the evidence names. */
export function trustedKeys(given: readonly string[], data: string, terminal: Terminal): string[] {
  if (given.length > 0) return given.map(readKey);
  const own = ownKeys(data, terminal);
  if (own.length > 0) return own;
  throw new Misuse('Give the public key: --key FILE or --key HEX (the gateway prints it: holdfast audit key).');
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Misuse(`--key ${JSON.stringify(file)} is neither 64 hex digits nor a file that can be read (${why}).`);
  }
}

function readKey(given: string): string {
  const text = /^[0-9a-f]{64}$/i.test(given) ? given : textIn(given);
  const key = publicKeyIn(text);
  if (key === null) throw new Misuse(`${given} is not an Ed25519 public key (64 hex digits, or PEM).`);
  return key;
}
