import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedLooks } from '../../src/time/shared-looks.ts';

test('whoever asks while a look is under way shares the next one, which begins after all of them asked', async () => {
  const looks = new SharedLooks<number>();
  const ends: (() => void)[] = [];
  let begun = 0;
  const look = (): Promise<number> => {
    begun += 1;
    const nth = begun;
    return new Promise((resolve) => ends.push(() => resolve(nth)));
  };
  const first = looks.at('a', look);
  const later = [looks.at('a', look), looks.at('a', look)];
  const other = looks.at('b', look);
  assert.equal(begun, 2, 'one of each key');
  ends[0]!();
  assert.equal(await first, 1);
  await new Promise(setImmediate);
  assert.equal(begun, 3);
  ends[1]!();
  ends[2]!();
  assert.deepEqual(await Promise.all(later), [3, 3]);
  assert.equal(await other, 2);
  const alone = looks.at('a', look);
  ends[3]!();
  assert.equal(await alone, 4, 'what is over is told to nobody');
});

test('a look that fails fails for those who share it, and for nobody after them', async () => {
  const looks = new SharedLooks<string>();
  const fails = () => Promise.reject(new Error('away'));
  const first = looks.at('a', fails);
  const second = looks.at('a', async () => 'there');
  await assert.rejects(first, /away/);
  assert.equal(await second, 'there');
});
