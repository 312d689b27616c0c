import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointLine, readCheckpoint } from '../../domain/log/checkpoint.ts';
import type { Log, Witness } from '../../ports.ts';

/** The file in the data directory that checkpoints are added to; copies of it elsewhere are what a verifier wants. */
export const CHECKPOINTS_FILE = 'checkpoints.jsonl';

/** Keeps each checkpoint as a line of a file. Nothing is ever written over. */
export function fileWitness(data: string): Witness {
  const path = join(data, CHECKPOINTS_FILE);
  return async (signed) => {
    await mkdir(data, { recursive: true, mode: 0o700 });
    await appendFile(path, `${checkpointLine(signed)}\n`, { mode: 0o600 });
  };
}

/** Says each checkpoint in the process's log, which is shipped elsewhere as a rule. */
export function logWitness(log: Log): Witness {
  return async ({ text, signature }) => {
    log.info({ ...readCheckpoint(text), signature }, 'the audit log was signed');
  };
}

/** Says each checkpoint on standard output, as a line that `holdfast audit verify --checkpoints` reads. */
export function spokenWitness(out: (text: string) => void): Witness {
  return async (signed) => out(`${checkpointLine(signed)}\n`);
}
