import type { JobQueue } from './backend.ts';
import { PULSE_ID } from './job-id.ts';

/** The name of the job that shows whether a queue's jobs are taken. There is one of it at a time. */
export const PULSE = 'pulse';

/**
 * Whether a queue's jobs are taken at all: a job that does nothing is put in now and then, and should be gone soon,
 * whichever replica takes it. One that stays says that nobody takes what is due, for whatever reason: the queue is
 * paused, its workers are stuck, or it can no longer note what they have done.
 */
export class Pulse {
  readonly #now: () => number;
  #takenAt = Number.NEGATIVE_INFINITY;
  /** The pulse that waits, by the time at which it was put in, and when it was first seen here, in ms of `now`. */
  #waiting: { readonly put: number; readonly since: number } | null = null;

  /** `now`: ms of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * How long the pulse has waited, in ms, while this process took no job either; 0: none waits. A queue in which very
   * many jobs are due at once makes the pulse wait too, and does not stand still.
   */
  get stillMs(): number {
    if (this.#waiting === null) return 0;
    return this.#now() - Math.max(this.#waiting.since, this.#takenAt);
  }

  /** This process has taken a job of the queue. */
  taken(): void {
    this.#takenAt = this.#now();
  }

  /** Looks whether the last pulse was taken; if so, puts in the next one. Rejects when the queue cannot be asked. */
  async beat<C>(queue: JobQueue<C>): Promise<void> {
    const job = await queue.getJob(PULSE_ID);
    if (job === undefined) {
      this.#waiting = null;
      const { timestamp } = await queue.add(PULSE, {}, { jobId: PULSE_ID, removeOnComplete: true, removeOnFail: true });
      this.#waiting = { put: timestamp, since: this.#now() };
      return;
    }
    if (this.#waiting?.put !== job.timestamp) this.#waiting = { put: job.timestamp, since: this.#now() };
  }
}
