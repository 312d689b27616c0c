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

  test('may leave some over: the first of them comes before all that wait, the others behind', async () => {
    const { gathered, groups } = doubling(async (group) =>
      group.map((one, at) => (at < 2 ? { answer: one * 2 } : null)),
    );
    assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map((one) => gathered.do(one))), [2, 4, 6, 8, 10]);
    assert.deepEqual(groups, [[1, 2, 3, 4], [3, 5, 4], [4]]);
  });

  test('P4: what is too long to be done with others is done, however many short ones keep coming', async () => {
    const isLong = (one: number) => one === 100;
    let short = 0;
    let flows = true;
    const coming: Promise<number>[] = [];
    const gathered = new Gathered<number, number>({
      most: 4,
      keyOf: String,
      together: async (group) => {
        await new Promise((resolve) => setImmediate(resolve));
        // While these are done, another one comes: whatever is left over is never alone.
        short += 1;
        if (flows && short < 50) coming.push(gathered.do(short));
        return group.map((one, at) => (at > 0 && isLong(one) ? null : { answer: one }));
      },
    });
    coming.push(gathered.do(0));
    const long = gathered.do(100);
    assert.equal(await long, 100);
    flows = false;
    assert.ok(short < 4, `done after ${short} others`);
    await Promise.all(coming);
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

  /** Two lanes; what is in `stuck` is not done until it is let go. */
  function lanes() {
    const stuck = new Map<number, PromiseWithResolvers<void>>();
    const stick = (one: number) => stuck.set(one, Promise.withResolvers<void>());
    const groups: (readonly number[])[] = [];
    const gathered = new Gathered<number, number>({
      most: 4,
      lanes: 2,
      patienceMs: 20,
      keyOf: (one) => String(one % 10),
      together: async (group) => {
        groups.push(group);
        await new Promise((resolve) => setImmediate(resolve));
        for (const one of group) await stuck.get(one)?.promise;
        return group.map((one) => ({ answer: one }));
      },
    });
    return { gathered, groups, stuck, stick };
  }
  const breath = () => new Promise((resolve) => setTimeout(resolve, 0));

  test('P6: in two lanes; one that stands keeps nobody waiting but whoever has its key, and two that stand not for long', async () => {
    const { gathered, groups, stuck, stick } = lanes();
    for (const one of [1, 2]) stick(one);
    const first = gathered.do(1);
    await breath();
    assert.deepEqual(await Promise.all([3, 4].map((one) => gathered.do(one))), [3, 4]);
    const second = gathered.do(2);
    await breath();
    const samekey = gathered.do(11);
    const others = [5, 6, 7].map((one) => gathered.do(one));
    assert.deepEqual(await Promise.all(others), [5, 6, 7], 'after the patience');
    assert.deepEqual(groups, [[1], [3, 4], [2], [5, 6, 7]]);
    for (const one of [1, 2]) stuck.get(one)!.resolve();
    assert.deepEqual(await Promise.all([first, second, samekey]), [1, 2, 11]);
    assert.equal(await gathered.do(8), 8, 'and it goes on');
    assert.deepEqual(groups.at(-1), [8]);
  });

  test('P6: one that fails after others were done fails alone; as many are under way as there are lanes, twice', async () => {
    const { gathered, groups, stuck, stick } = lanes();
    for (const one of [1, 2, 3, 4]) stick(one);
    const standing = [];
    for (const one of [1, 2, 3, 4]) {
      standing.push(gathered.do(one).catch((error: Error) => error.message));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const waits = gathered.do(5);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.deepEqual(groups, [[1], [2], [3], [4]], 'the fifth waits');
    stuck.get(3)!.resolve();
    assert.equal(await waits, 5);
    stick(6);
    const behind = gathered.do(6);
    await breath();
    stuck.get(1)!.reject(new Error('cut'));
    assert.equal(await standing[0], 'cut');
    for (const one of [2, 4, 6]) stuck.get(one)!.resolve();
    assert.deepEqual([...(await Promise.all(standing)), await behind], ['cut', 2, 3, 4, 6]);
  });
});
