import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointLine, readCheckpoint } from '../../domain/log/checkpoint.ts';
import type { CheckpointCopy, Log } from '../../ports.ts';
import { type Printed, printed } from '../../text/printed.ts';

/** The file in the data directory that checkpoints are appended to; a verifier needs a copy of it from elsewhere. */
export const CHECKPOINTS_FILE = 'checkpoints.jsonl';

/** Appends each checkpoint to a file as a line. Nothing is ever overwritten. */
export function fileCopy(data: string): CheckpointCopy {
  const path = join(data, CHECKPOINTS_FILE);
  return async (signed) => {
    await mkdir(data, { recursive: true, mode: 0o700 });
    await appendFile(path, `${checkpointLine(signed)}\n`, { mode: 0o600 });
  };
}

/** Writes each checkpoint to the process's log, which is usually shipped elsewhere. */
export function loggedCopy(log: Log): CheckpointCopy {
  return async ({ text, signature }) => {
    log.info({ ...readCheckpoint(text), signature }, 'the audit log was signed');
  };
}

/** Prints each checkpoint as a line that `holdfast audit verify --checkpoints` reads. */
export function printedCopy(out: (text: Printed) => void): CheckpointCopy {
  return async (signed) => out(printed`${checkpointLine(signed)}\n`);
}
