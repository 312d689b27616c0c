/** Milliseconds of one step, in which nobody else has a turn, and of all of them. */
const LONGEST_STEP_MS = 2_000;
const LONGEST_MS = 120_000;

/**
 * The same steps, given up where one of them takes long or all of them do: what a policy's conditions cost is for whoever
 * wrote it to say, and calls wait meanwhile. Ends in null then.
 */
export function* inTime<T>(
  steps: Iterator<void, T>,
  now: () => number = () => performance.now(),
): Generator<void, T | null> {
  for (let all = 0; ; ) {
    const began = now();
    const step = steps.next();
    if (step.done) return step.value;
    const took = now() - began;
    all += took;
    if (took > LONGEST_STEP_MS || all > LONGEST_MS) return null;
    yield;
  }
}
