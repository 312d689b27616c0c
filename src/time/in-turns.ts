import { standBack } from './stand-back.ts';

/** Milliseconds of work after which others have a turn. */
const SPELL_MS = 3;

/** Does work in pieces, and lets others have a turn every few milliseconds; short work is done at once. */
export async function inTurns<T>(steps: Iterator<void, T>): Promise<T> {
  let since = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < SPELL_MS) continue;
    await standBack();
    since = performance.now();
  }
}
