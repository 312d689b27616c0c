import { breathe } from './breathe.ts';
import { pause } from './pause.ts';

/** Milliseconds that others get between two steps of large work. */
const OTHERS_MS = 4;
/**
 * How often a step lets others go first that are at work on large things, too: it may hold a connection or a lock
 * meanwhile. About a tenth of a second.
 */
const MOST_ROUNDS = 25;
/** Milliseconds after which a step of which nobody heard the end counts as over: its request was cut off. */
const LONGEST_STEP_MS = 1_000;

/** When the last step of large work in this process began, and ended; by `performance.now()`. */
const lane = { beganAt: Number.NEGATIVE_INFINITY, endedAt: Number.NEGATIVE_INFINITY };

/**
 * To be awaited between steps of some milliseconds each. One turn of the event loop is not enough then: a small call
 * needs several (its request, its server's answer, its own answer) and would wait for one step in each of them. Here
 * others get so much time that a small call can end. All large work of a process shares that time: of twenty large calls
 * only one takes a step, and then the small ones have their time, not the other nineteen.
 */
export async function standBack(ms = OTHERS_MS): Promise<void> {
  await breathe();
  let rest = ms;
  for (let round = 0; rest > 0 && round < MOST_ROUNDS; round += 1) {
    await pause(rest);
    rest = restOf(ms);
  }
  takeStep();
}

/** Milliseconds until others have had theirs since the last step. */
function restOf(ms: number): number {
  const now = performance.now();
  const { beganAt, endedAt } = lane;
  if (endedAt < beganAt && now - beganAt < LONGEST_STEP_MS) return ms;
  return ms - (now - endedAt);
}

/** The step is what follows in this turn. */
function takeStep(): void {
  const beganAt = performance.now();
  lane.beganAt = beganAt;
  void breathe().then(() => {
    if (lane.beganAt === beganAt) lane.endedAt = performance.now();
  });
}
