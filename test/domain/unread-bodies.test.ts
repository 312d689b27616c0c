import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UnreadBodies } from '../../src/mcp/door/unread-bodies.ts';

const MB = 1024 * 1024;
const never = () => new AbortController().signal;
const release = (room: Awaited<ReturnType<UnreadBodies['begin']>>): void => {
  assert.equal(typeof room, 'function', 'there was room');
  (room as () => void)();
};

describe('P5: what one grant may have unread', () => {
  test('as many bodies as the bound holds are read at once; the next one waits until one has ended', async () => {
    const unread = new UnreadBodies(4 * MB);
    const first = await Promise.all(Array.from({ length: 8 }, () => unread.begin('one', 4 * MB, never)));
    const ninth = unread.begin('one', 4 * MB, never);
    const tenth = unread.begin('one', 65 * 1024, never);
    assert.equal(unread.unreadOf('one'), 32 * MB);
    assert.equal(await Promise.race([ninth, tenth, 'waits']), 'waits');
    release(first[0]!);
    release(await ninth);
    for (const room of first.slice(1)) release(room);
    release(await tenth);
    assert.equal(unread.unreadOf('one'), 0);
  });

  test('no bytes wait for another grant, and small bodies do not wait for large ones', async () => {
    const unread = new UnreadBodies(4 * MB);
    for (let n = 0; n < 8; n += 1) await unread.begin('one', 4 * MB, never);
    release(await unread.begin('two', 4 * MB, never));
    release(await unread.begin('one', 64 * 1024, never));
  });

  test('a body without a length gets room for the longest one, and one that announces more gets no more', async () => {
    const unread = new UnreadBodies(4 * MB);
    await unread.begin('one', null, never);
    await unread.begin('one', 400 * MB, never);
    assert.equal(unread.unreadOf('one'), 8 * MB);
  });

  test('who finds no room in time is told the bound and when to come again; who goes away leaves the line', async () => {
    const unread = new UnreadBodies(4 * MB, 5);
    const first = await unread.begin('one', 4 * MB, never);
    for (let n = 0; n < 7; n += 1) await unread.begin('one', 4 * MB, never);
    assert.deepEqual(await unread.begin('one', 4 * MB, never), { most: 32 * MB, retryAfter: 1 });
    const gone = new AbortController();
    const patient = new UnreadBodies(20 * MB);
    const rooms = [await patient.begin('one', null, never), await patient.begin('one', null, never)];
    const leaving = patient.begin('one', null, () => gone.signal);
    gone.abort();
    assert.equal(typeof (await leaving), 'object');
    for (const room of rooms) release(room);
    release(first);
    assert.equal(patient.unreadOf('one'), 0);
  });

  test('who waits is not sent away while something of the bodies before it arrives', async () => {
    const unread = new UnreadBodies(4 * MB, 5);
    let [asked, stands] = [0, false];
    const fourTimes = Promise.withResolvers<void>();
    /** A slow upload: more has come whenever it is looked at, until it stands still. */
    const arrived = (): number => {
      if (!stands) asked += 1;
      if (asked === 4) fourTimes.resolve();
      return asked;
    };
    const slow = await unread.begin('one', 4 * MB, never, arrived);
    for (let n = 0; n < 7; n += 1) await unread.begin('one', 4 * MB, never);
    const waiting = unread.begin('one', 4 * MB, never);
    assert.equal(await Promise.race([waiting, fourTimes.promise.then(() => 'waits')]), 'waits');
    stands = true;
    assert.deepEqual(await waiting, { most: 32 * MB, retryAfter: 1 });
    const next = unread.begin('one', 4 * MB, never);
    release(slow);
    release(await next);
  });
});
