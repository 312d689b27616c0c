import { breathe } from './breathe.ts';
import { pause } from './pause.ts';

/** Milliseconds that others get between two steps of large work. */
const OTHERS_MS = 4;

/**
 * To be awaited between steps of some milliseconds each. One turn of the event loop is not enough then: a small call
 * needs several (its request, its server's answer, its own answer) and would wait for one step in each of them. Here
 * others get so much time that a small call can end.
 */
export async function standBack(ms = OTHERS_MS): Promise<void> {
  await breathe();
  await pause(ms);
}
