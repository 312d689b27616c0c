import { randomUUID } from 'node:crypto';

/** Stands between an approval's id and what makes a job's id its own. */
const MARK = '~';

/** The job id of a parked approval: its own. BullMQ keeps ':' and integers for itself, we keep '~'. */
export function jobIdOf(id: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(id) || /^-?[0-9]+$/.test(id)) {
    throw new TypeError(`not an approval's id: ${JSON.stringify(id)}`);
  }
  return id;
}

/** A job id of its own for a ring of this approval. */
export function wakeJobId(id: string): string {
  return `${id}${MARK}${randomUUID()}`;
}

/** The deduplication id of publishing this approval's card in this second. */
export function laterDeduplicationId(id: string, second: number): string {
  return `${id}${MARK}${second}`;
}

/** The approval that a job of the parked queue is about; null for the sweep, which BullMQ names. */
export function approvalOfJob(jobId: string): string | null {
  return jobId.includes(':') ? null : (jobId.split(MARK, 1)[0] ?? null);
}
