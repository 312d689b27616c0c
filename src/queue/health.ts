import type { LaneHealth, QueueHealth, QueueTrouble } from '../ports.ts';
import type { QueueBackend } from './backend.ts';

/** Milliseconds that a pulse may wait; a healthy queue takes it within moments. */
const STILL_MS = 10_000;

/** What it means, for whoever reads it. */
const MEANING = 'calls that are parked are woken and ended, and cards posted, by the sweep instead, up to 5 s late';

/** The trouble of a backend that could not be asked, or that took no write. */
export function refusedHealth(
  error: unknown,
  { name, refusal }: Pick<QueueBackend<unknown>, 'name' | 'refusal'>,
): QueueHealth {
  const known = refusal(error);
  const part = name.startsWith('Redis') ? 'Redis' : name;
  const trouble: QueueTrouble =
    known === null
      ? {
          kind: 'down',
          what: `${part} does not answer: ${MEANING}`,
          remedy: `See that ${part === 'Redis' ? 'Redis' : 'it'} runs and can be reached; nothing has to be restarted here.`,
        }
      : { kind: 'refuses', what: `${known.what}: ${MEANING}`, remedy: known.remedy };
  return { trouble, lanes: [] };
}

/** Whether the queues do their jobs, by what they say of themselves. */
export function healthOf(lanes: readonly LaneHealth[]): QueueHealth {
  const paused = lanes.filter((lane) => lane.paused).map(({ lane }) => lane);
  if (paused.length > 0) {
    const what = `The queue ${paused.join(' and ')} is paused: ${MEANING}`;
    return { lanes, trouble: { kind: 'paused', what, remedy: 'Resume it where it was paused (resume() of BullMQ).' } };
  }
  const still = lanes.filter(({ stillMs }) => stillMs >= STILL_MS);
  if (still.length === 0) return { lanes, trouble: null };
  const seconds = Math.floor(Math.max(...still.map(({ stillMs }) => stillMs)) / 1_000);
  const what = `The queue ${still.map(({ lane }) => lane).join(' and ')} stands still, nobody has taken a job for ${seconds} s: ${MEANING}`;
  const remedy =
    'Look for errors of the queue in the log; if there are none, restart the replicas one after the other.';
  return { lanes, trouble: { kind: 'still', what, remedy } };
}
