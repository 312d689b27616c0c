import { randomUUID } from 'node:crypto';

/** Divides an approval's id from what makes a job's id unique. */
const DIVIDER = '~';

/** The job id of a parked approval: the approval's own id. BullMQ reserves ':' and integers, we reserve '~'. */
export function jobIdOf(id: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(id) || /^-?[0-9]+$/.test(id)) {
    throw new TypeError(`not an approval's id: ${JSON.stringify(id)}`);
  }
  return id;
}

/** A new job id for waking this approval where it has no parked job. */
export function wakeJobId(id: string): string {
  return `${id}${DIVIDER}${randomUUID()}`;
}

/** The deduplication id of publishing this approval's card in this second. */
export function laterDeduplicationId(id: string, second: number): string {
  return `${id}${DIVIDER}${second}`;
}

/** The job id of a queue's pulse. */
export const PULSE_ID = `pulse${DIVIDER}`;

/** The approval that a job of the parked queue is about; null for a routine, whose id BullMQ makes, and for a pulse. */
export function approvalOfJob(jobId: string): string | null {
  if (jobId === PULSE_ID) return null;
  return jobId.includes(':') ? null : (jobId.split(DIVIDER, 1)[0] ?? null);
}
