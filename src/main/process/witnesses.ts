import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointLine, readCheckpoint } from '../../domain/log/checkpoint.ts';
import type { Log, Witness } from '../../ports.ts';
import { type Printed, printed } from '../../text/printed.ts';

/** The file in the data directory that checkpoints are appended to; a verifier needs a copy of it from elsewhere. */
export const CHECKPOINTS_FILE = 'checkpoints.jsonl';

/** Appends each checkpoint to a file as a line. Nothing is ever overwritten. */
export function fileWitness(data: string): Witness {
  const path = join(data, CHECKPOINTS_FILE);
  return async (signed) => {
    await mkdir(data, { recursive: true, mode: 0o700 });
    await appendFile(path, `${checkpointLine(signed)}\n`, { mode: 0o600 });
  };
}

/** Writes each checkpoint to the process's log, which is usually shipped elsewhere. */
export function logWitness(log: Log): Witness {
  return async ({ text, signature }) => {
    log.info({ ...readCheckpoint(text), signature }, 'the audit log was signed');
  };
}

/** Prints each checkpoint as a line that `holdfast audit verify --checkpoints` reads. */
export function printedWitness(out: (text: Printed) => void): Witness {
  return async (signed) => out(printed`${checkpointLine(signed)}\n`);
}
