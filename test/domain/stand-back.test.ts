import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { breathe } from '../../src/time/breathe.ts';
import { standBack } from '../../src/time/stand-back.ts';

/** Keeps the thread for some milliseconds. */
function work(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

describe('Large work of one process', () => {
  it('takes one step, and then others have their time, however much of it there is', async () => {
    let steps = 0;
    let open = 4;
    const large = async (): Promise<void> => {
      for (let step = 0; step < 4; step += 1) {
        await standBack();
        steps += 1;
        work(2);
      }
      open -= 1;
    };
    const all = Promise.all(Array.from({ length: open }, large));
    let most = 0;
    while (open > 0) {
      const before = steps;
      // One turn of the event loop; a small call needs several.
      await breathe();
      most = Math.max(most, steps - before);
    }
    await all;
    assert.equal(steps, 16);
    assert.ok(most <= 1, `${most} large steps in one turn`);
  });

  it('is not kept waiting for ever by other large work', async () => {
    let goesOn = true;
    const busy = Promise.all(
      Array.from({ length: 40 }, async () => {
        while (goesOn) {
          await standBack();
          work(1);
        }
      }),
    );
    const since = performance.now();
    for (let step = 0; step < 3; step += 1) await standBack();
    const took = performance.now() - since;
    goesOn = false;
    await busy;
    assert.ok(took < 5_000, `three steps took ${took.toFixed(0)} ms`);
  });
});
