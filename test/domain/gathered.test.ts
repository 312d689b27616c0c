import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Gathered, type GatheredEnd } from '../../src/time/gathered.ts';

/** Doubles numbers; `groups`: what was done at once, in order. */
function doubling(
  more: (group: readonly number[]) => Promise<readonly (GatheredEnd<number> | null)[]> = async (group) =>
    group.map((one) => ({ answer: one * 2 })),
) {
  const groups: (readonly number[])[] = [];
  const gathered = new Gathered<number, number>({
    most: 4,
    keyOf: (one) => String(one % 10),
    together: async (group) => {
      groups.push(group);
      await new Promise((resolve) => setImmediate(resolve));
      return more(group);
    },
  });
  return { gathered, groups };
}

describe('what is done together', () => {
  test('is what is asked for in one breath, or while others are being done; what comes alone is done at once, alone', async () => {
    const { gathered, groups } = doubling();
    assert.equal(await gathered.do(1), 2);
    const breath = [2, 3].map((one) => gathered.do(one));
    await new Promise((resolve) => setTimeout(resolve, 0));
    const more = [4, 5, 6, 7, 8].map((one) => gathered.do(one));
    assert.deepEqual(await Promise.all([...breath, ...more]), [4, 6, 8, 10, 12, 14, 16]);
    assert.deepEqual(groups, [[1], [2, 3], [4, 5, 6, 7], [8]]);
  });

  test('has each key once, in the order in which they came', async () => {
    const { gathered, groups } = doubling();
    const all = [1, 11, 2, 21, 12, 3].map((one) => gathered.do(one));
    assert.deepEqual(await Promise.all(all), [2, 22, 4, 42, 24, 6]);
    assert.deepEqual(groups, [[1, 2, 3], [11, 12], [21]]);
  });

  test('may leave some over, which come again behind those that wait', async () => {
    const { gathered, groups } = doubling(async (group) =>
      group.map((one, at) => (at < 2 ? { answer: one * 2 } : null)),
    );
    assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map((one) => gathered.do(one))), [2, 4, 6, 8, 10]);
    assert.deepEqual(groups, [[1, 2, 3, 4], [5, 3, 4], [4]]);
  });

  test('fails for each that fails, and for all that wait where nothing could be done', async () => {
    let away = false;
    const { gathered } = doubling(async (group) => {
      if (away) throw new Error('away');
      return group.map((one) => (one === 3 ? { fault: new Error('three') } : { answer: one * 2 }));
    });
    const some = await Promise.allSettled([1, 2, 3, 4].map((one) => gathered.do(one)));
    assert.deepEqual(
      some.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    away = true;
    const all = await Promise.allSettled([1, 2, 3, 4, 5, 6].map((one) => gathered.do(one)));
    assert.ok(all.every((end) => end.status === 'rejected' && /away/.test(String(end.reason))));
    away = false;
    assert.equal(await gathered.do(9), 18, 'and it goes on');
  });

  test('a key that cannot be told fails alone', async () => {
    const gathered = new Gathered<number, number>({
      most: 4,
      keyOf: (one) => {
        if (one === 2) throw new Error('no key');
        return String(one);
      },
      together: async (group) => group.map((one) => ({ answer: one })),
    });
    const ends = await Promise.allSettled([1, 2, 3].map((one) => gathered.do(one)));
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  });
});
