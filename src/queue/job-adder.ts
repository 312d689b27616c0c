import type { JobsOptions } from 'bullmq';
import { Gathered } from '../time/gathered.ts';
import type { JobQueue } from './backend.ts';

/** Jobs that one command adds at most: on SQL, some milliseconds of the database. */
const MOST_JOBS = 50;

interface AddedJob {
  readonly name: string;
  readonly data: object;
  /** With a `jobId`, or a `deduplication`. */
  readonly opts: JobsOptions;
}

/**
 * Adds jobs to one queue; those that are added together by one command (`addBulk`). Of two for one approval the second comes
 * after the first, so that the queue finds the one when it takes the other.
 */
export class JobAdder<C> {
  readonly #jobs: Gathered<AddedJob, void>;

  constructor(queue: JobQueue<C>) {
    this.#jobs = new Gathered<AddedJob, void>({
      most: MOST_JOBS,
      keyOf,
      together: async (jobs) => {
        if (jobs.length === 1) await addEach(queue, jobs);
        else await addAll(queue, jobs);
        return jobs.map(() => ({ answer: undefined }));
      },
    });
  }

  add(name: string, data: object, opts: JobsOptions): Promise<void> {
    return this.#jobs.do({ name, data, opts });
  }
}

async function addEach<C>(queue: JobQueue<C>, jobs: readonly AddedJob[]): Promise<void> {
  for (const { name, data, opts } of jobs) await queue.add(name, data, opts);
}

async function addAll<C>(queue: JobQueue<C>, jobs: readonly AddedJob[]): Promise<void> {
  // On SQL each takes a lock of its approval: in one order, so that two replicas wait for each other one way only.
  const inOrder = jobs.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  try {
    await queue.addBulk(inOrder);
  } catch (error) {
    // Redis was told to forget its scripts. A single job brings its own along.
    if (!/NOSCRIPT/.test(error instanceof Error ? error.message : '')) throw error;
    await addEach(queue, inOrder);
  }
}

function keyOf({ opts }: AddedJob): string {
  const key = opts.jobId ?? opts.deduplication?.id;
  if (key === undefined) throw new Error('a job that is added has a name of its own');
  return key;
}
