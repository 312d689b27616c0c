import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type Json } from '../../domain/json/json.ts';
import { readCheckpoint } from '../../domain/log/checkpoint.ts';
import type { CopiedCheckpoint } from '../../ports.ts';
import { proof } from '../../vault/proof.ts';
import { CHECKPOINTS_FILE } from './checkpoint-copies.ts';

/** Bytes at the file's end that are looked through: hundreds of checkpoints. */
const TAIL = 256 * 1024;
const HEAD = '{"checkpoint":';

/**
 * The last checkpoint in `checkpoints.jsonl` of this data directory that one of these keys signed; null: there is none.
 * Lines that were torn or that somebody else wrote are passed over. `keys`: Ed25519 public keys, hex.
 */
export async function lastCopyIn(data: string, keys: readonly string[]): Promise<CopiedCheckpoint | null> {
  const lines = (await tailOf(join(data, CHECKPOINTS_FILE))).split('\n').reverse();
  const { verifies } = proof();
  for (const line of lines) {
    const signed = signedIn(line);
    if (signed === null) continue;
    const checkpoint = readCheckpoint(signed.text);
    if (checkpoint === null || !keys.includes(checkpoint.key)) continue;
    if (!verifies(checkpoint.key, signed.text, signed.signature)) continue;
    return { seq: checkpoint.seq, hash: checkpoint.hash, signature: signed.signature };
  }
  return null;
}

/** The text as it was signed, from a line as `checkpointLine` writes it. */
function signedIn(line: string): { readonly text: string; readonly signature: string } | null {
  let parsed: Json;
  try {
    parsed = JSON.parse(line) as Json;
  } catch {
    return null;
  }
  if (!isObject(parsed) || typeof parsed.signature !== 'string' || !line.startsWith(HEAD)) return null;
  const end = line.lastIndexOf(',"signature":');
  return { text: line.slice(HEAD.length, end), signature: parsed.signature };
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}
