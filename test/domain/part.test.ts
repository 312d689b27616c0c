import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Take } from '../../src/domain/policy/limit.ts';
import { isBefore, momentAfter, mostHeld, paceAfter, runsLow, takesFromParts } from '../../src/domain/policy/part.ts';
import { HeldCounter, HeldPart } from '../../src/gateway/state/held-part.ts';

const take: Take = {
  ...{ server: 's', counter: 'c', scope: 'grant', scopeValue: 'g', window: { calendar: 'hour' } },
  ...{ max: '1000', by: '1' },
};

describe('how much of a window a process takes in advance', () => {
  for (const [max, held] of [
    ['0', 0],
    ['1', 0],
    ['99', 0],
    ['99.99', 0],
    ['100', 2],
    ['149.5', 2],
    ['150', 3],
    ['1000', 20],
    ['50000', 1_000],
    ['100000000', 1_000],
    [`1${'0'.repeat(29)}`, 1_000],
    ['nothing', 0],
  ] as const) {
    test(`P5: of ${max} it holds ${held} at most`, () => {
      assert.equal(mostHeld(max), held);
      assert.equal(takesFromParts({ ...take, max }), held > 0);
      // However it is used, no part is larger.
      for (let pace: number | null = null, n = 0; n < 20; n += 1) {
        pace = paceAfter(pace, n % 3 === 0 ? 5_000 : 10, max);
        assert.ok(pace <= held && Number.isInteger(pace));
      }
    });
  }

  test('P5: two others that hold all they may leave 96 % to a third', () => {
    for (const max of [100, 137, 999, 5_000, 1_000_000]) assert.ok(2 * mostHeld(`${max}`) <= 0.04 * max);
  });

  test('P5: amounts, and calls that take anything but one, are exact', () => {
    for (const by of ['2', '0', '0.5', '1.5', '-1', '1.0', ''])
      assert.equal(takesFromParts({ ...take, by }), false, by);
  });

  test('P5: what is used up quickly doubles, what lasts halves, between 32 and the most', () => {
    const paces: number[] = [];
    for (const ms of [0, 10, 10, 10, 10, 10]) paces.push(paceAfter(paces.at(-1) ?? null, ms, '4000'));
    assert.deepEqual(paces, [32, 64, 80, 80, 80, 80]);
    assert.deepEqual(
      [80, 40, 20, 10, 8].map((pace) => paceAfter(pace, 1_000, '4000')),
      [40, 32, 32, 32, 32],
    );
    assert.deepEqual([runsLow(5, 8), runsLow(4, 8), runsLow(1, 2), runsLow(0, 2)], [false, true, false, true]);
  });

  test('P5: a moment is over when either clock says so', () => {
    const end = momentAfter({ steady: 100, wall: 5_000 }, 50);
    for (const [steady, wall, before] of [
      [149, 5_049, true],
      [150, 5_049, false],
      // The machine slept, and only this clock went on.
      [149, 5_050, false],
      // Somebody set the clock back by an hour.
      [150, 5_050 - 3_600_000, false],
    ] as const) {
      assert.equal(isBefore({ steady, wall }, end), before);
    }
  });
});

describe('a part that a process holds', () => {
  const asked = { steady: 1_000, wall: 9_000 };
  const at = (ms: number) => momentAfter(asked, ms);
  const part = (leftMs: number, size = 3) => new HeldPart({ id: 'p', size, windowStart: new Date(0), leftMs }, asked);

  test('P5: is good until its window or its lease ends, counted from before it was asked for', () => {
    assert.deepEqual(
      [0, 99, 100].map((ms) => part(100).isGood(at(ms))),
      [true, true, false],
    );
    const long = part(60_000);
    assert.deepEqual(
      [4_499, 4_500, 30_000].map((ms) => long.isGood(at(ms))),
      [true, false, false],
    );
    assert.deepEqual(
      [1_499, 1_500].map((ms) => long.isDue(at(ms))),
      [false, true],
    );
    long.renewed(at(1_500));
    assert.deepEqual(
      [4_500, 5_999, 6_000].map((ms) => long.isGood(at(ms))),
      [true, true, false],
    );
    assert.equal(part(-5).isGood(at(0)), false, 'its window ended while it was asked for');
  });

  test('P5: gives as many calls as it has, and none when it has ended', () => {
    const counter = new HeldCounter(take, asked);
    counter.parts.push(part(60_000, 2), part(60_000, 1));
    assert.equal(counter.left, 3);
    for (let n = 0; n < 3; n += 1) assert.notEqual(counter.draw(take, at(1)), null);
    assert.equal(counter.draw(take, at(1)), null);
    counter.parts.push(part(60_000));
    counter.parts.at(-1)!.ended = true;
    assert.equal(counter.draw(take, at(1)), null);
  });

  test('P5: a counter is asked for when calls come often, with one question at a time, and not soon after a refusal', () => {
    const counter = new HeldCounter(take, asked);
    assert.equal(counter.wantsMore(at(1_000)), false, 'one call a second is not often');
    assert.equal(counter.wantsMore(at(1_500)), true);
    assert.equal(counter.nextAsk(at(1_500)), 20);
    counter.asking = true;
    assert.equal(counter.wantsMore(at(1_501)), false);
    counter.asking = false;
    counter.refused(at(1_600));
    assert.deepEqual(
      [1_700, 2_599, 2_600].map((ms) => counter.wantsMore(at(ms))),
      [false, false, true],
    );
    counter.parts.push(part(60_000, 6));
    assert.equal(counter.nextAsk(at(2_600)), 14, 'what it has is part of what it may have');
    assert.deepEqual(
      [7_599, 7_600].map((ms) => counter.isIdle(at(ms))),
      [false, true],
    );
  });
});
