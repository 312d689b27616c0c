import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { publishCard } from '../../src/gateway/publish-card.ts';
import { CardGate } from '../../src/gateway/state/card-gate.ts';
import { sampleApproval } from '../support/domain/approval.ts';

/** A gate at which cards with turns 1, 2, … wait because Slack takes no more. */
function crowded(cards: number): CardGate {
  const gate = new CardGate();
  for (let turn = 1; turn <= cards; turn += 1) gate.sentAway('posts up', `ap_${turn}`, turn, 5_000);
  return gate;
}

describe('the order of cards that wait for Slack', () => {
  test('only those try that at most two with a lower turn wait before', () => {
    const gate = crowded(20);
    assert.equal(gate.waitMs('posts up', 'ap_1', 1), 0);
    assert.equal(gate.waitMs('posts up', 'ap_3', 3), 0);
    assert.ok(gate.waitMs('posts up', 'ap_4', 4) >= 1_000);
    assert.equal(gate.waitMs('posts up', 'ap_new', 1), 0, 'a first turn never waits');
    assert.equal(gate.waitMs('posts other', 'ap_x', 900), 0, 'another lane');
    for (const id of ['ap_1', 'ap_2', 'ap_3']) gate.done('posts up', id);
    assert.equal(gate.waitMs('posts up', 'ap_6', 6), 0);
    assert.ok(gate.waitMs('posts up', 'ap_7', 7) >= 1_000);
  });

  test('those of one turn stand in a line until Slack takes more: who came first tries first, and keeps its place', (t) => {
    let now = performance.now();
    t.mock.method(performance, 'now', () => now);
    const gate = new CardGate();
    for (let n = 0; n < 1_000; n += 1) gate.sentAway('updates up', `ap_${n}`, 1, 1_000);
    const tries = () => Array.from({ length: 10 }, (_, n) => gate.waitMs('updates up', `ap_${n}`, 1) === 0);
    assert.deepEqual(tries(), [true, true, true, ...Array(7).fill(false)]);
    gate.sentAway('updates up', 'ap_0', 1, 1_000);
    assert.equal(tries()[0], true);
    assert.ok(gate.waitMs('updates up', 'ap_999', 1) > 10_000, 'the last of a thousand looks seldom');
    gate.done('updates up', 'ap_0');
    assert.deepEqual(tries().slice(1, 5), [true, true, true, false]);
    assert.ok(gate.waitMs('updates up', 'ap_new', 1) > 0);
    now += 1_001;
    assert.equal(gate.waitMs('updates up', 'ap_500', 1), 0, 'Slack may take any of them by now');
    gate.sentAway('updates up', 'ap_500', 1, 1_000);
    assert.ok(gate.waitMs('updates up', 'ap_501', 1) > 0, 'it did not');
  });

  test('what waits for an update is told so without a look; what waits for its first post, or comes with another turn, is looked at', () => {
    const gate = crowded(20);
    for (let n = 1; n <= 20; n += 1) gate.sentAway('updates up', `up_${n}`, n, 1_000);
    assert.equal(gate.waitsStillMs('ap_20', 20), 0, 'it may become part of a digest');
    assert.ok(gate.waitsStillMs('up_20', 20) >= 1_000);
    assert.equal(gate.waitsStillMs('up_2', 2), 0, 'at the front');
    assert.equal(gate.waitsStillMs('up_20', 1), 0, 'it has changed since');
    assert.equal(gate.waitsStillMs('up_21', 20), 0);
  });

  test('a card does not stand before itself, whatever its turn was', () => {
    const gate = crowded(2);
    gate.sentAway('posts up', 'ap_9', 1, 5_000);
    assert.equal(gate.waitMs('posts up', 'ap_9', 9), 0, 'two others wait before it');
  });

  test('few look within ten seconds; many do not look more often together than 25 to 50 times a second', () => {
    const few = crowded(250);
    assert.ok(few.waitMs('posts up', 'ap_250', 250) <= 10_000);
    for (const size of [1_000, 5_000]) {
      const gate = crowded(size);
      let looks = 0;
      for (let turn = 4; turn <= size; turn += 1) looks += 1_000 / gate.waitMs('posts up', `ap_${turn}`, turn);
      assert.ok(looks < 60, `${size} that wait look ${looks.toFixed(0)} times a second`);
      assert.ok(gate.waitMs('posts up', 'ap_10', 10) <= 3_000, 'those at the front come as soon as ever');
    }
  });

  test('who does not come again is forgotten', async (t) => {
    let now = performance.now();
    t.mock.method(performance, 'now', () => now);
    const gate = crowded(20);
    now += 5_000 + 2_000 + 1;
    assert.equal(gate.waitMs('posts up', 'ap_20', 20), 0);
  });

  test('a card that others stand before looks at itself alone, unless a digest with room is known that may be its own', async () => {
    const cardGate = crowded(20);
    const asked: string[] = [];
    const approval = { ...sampleApproval(), id: 'ap_20', server: 'up', state: 'pending' as const };
    const store = new Proxy({} as Record<string, unknown>, {
      get: (_, verb: string) => async () => {
        asked.push(verb);
        if (verb === 'look') return { approval, card: null };
        throw new Error('looked further');
      },
    });
    const describing = { isSlow: () => false, settled: async () => undefined };
    const parts = { cardGate, cards: { placeKey: () => 'C1' }, clock: { now: () => approval.createdAt }, describing };
    const gateway = { ...parts, rules: { digest: { over: 3, withinMs: 60_000 } }, store } as unknown as Parameters<
      typeof publishCard
    >[0];
    const publish = () => publishCard(gateway, approval.id, 20);
    assert.ok((await publish())! >= 1_000);
    assert.deepEqual(asked, ['look']);
    cardGate.openDigests.opened(`digest grant ${approval.grant} C2`, 5);
    assert.ok((await publish())! >= 1_000, 'one in another place');
    cardGate.openDigests.opened(`digest grant ${approval.grant} C1`, 1);
    await assert.rejects(publish, /looked further/);
    assert.ok((await publish())! >= 1_000, 'no more go than there is room');
    assert.deepEqual(asked, ['look', 'look', 'look', 'takenBack', 'look']);
  });

  test('who is let through and has to come again stands where it stood', async (t) => {
    let now = performance.now();
    t.mock.method(performance, 'now', () => now);
    const gate = crowded(4);
    for (const turn of [1, 2, 3]) gate.keepsPlace('posts up', `ap_${turn}`, turn, 500);
    gate.keepsPlace('posts other', 'ap_1', 1, 500);
    assert.equal(gate.waitMs('posts other', 'ap_9', 900), 0, 'no lane begins with it');
    now += 2_400;
    assert.ok(gate.waitMs('posts up', 'ap_4', 4) > 0);
    now += 400;
    assert.equal(gate.waitMs('posts up', 'ap_4', 4), 0, 'but no longer than it comes');
  });
});
