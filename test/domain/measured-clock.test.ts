import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MeasuredClock } from '../../src/time/measured-clock.ts';

const NOON = Date.UTC(2026, 10, 29, 12);

/** Another machine whose clock starts at noon, and this one, whose wall clock is `aheadMs` ahead of it. */
function machines(aheadMs: number) {
  let steady = 0;
  let wall = NOON + aheadMs;
  let other = NOON;
  const clock = new MeasuredClock({ wall: () => wall, steady: () => steady });
  return {
    clock,
    pass: (ms: number): void => {
      steady += ms;
      wall += ms;
      other += ms;
    },
    setWall: (ms: number): void => {
      wall += ms;
    },
    setOther: (ms: number): void => {
      other += ms;
    },
    /** The question takes `thereMs`, the answer `backMs`. */
    read(thereMs: number, backMs: number): void {
      const askedAt = steady;
      this.pass(thereMs);
      const told = new Date(other);
      this.pass(backMs);
      clock.learn({ askedAt, answeredAt: steady, told });
    },
    /** How far the measured clock is behind the other one, in ms. */
    get behindMs(): number {
      return other - clock.now().getTime();
    },
  };
}

describe('a measured clock', () => {
  test('before its first reading it is this machine’s', () => {
    const one = machines(3_600_000);
    assert.equal(one.clock.now().getTime(), NOON + 3_600_000);
    assert.equal(one.clock.aheadMs, 0);
  });

  for (const aheadMs of [0, 3_600_000, -3_600_000]) {
    test(`it goes by the other one where this one is ${aheadMs / 1_000} s ahead, never early, and says how far it is off`, () => {
      const one = machines(aheadMs);
      one.read(3, 7);
      assert.equal(one.behindMs, 7);
      one.pass(10_000);
      assert.equal(one.behindMs, 7);
      // A faster answer says it more exactly; a slower one changes nothing.
      one.read(1, 1);
      assert.equal(one.behindMs, 1);
      one.read(0, 4_000);
      assert.equal(one.behindMs, 1);
      assert.ok(Math.abs(one.clock.aheadMs - aheadMs) <= 3, `${one.clock.aheadMs}`);
    });
  }

  test('setting this machine’s clock changes nothing but what it says of it', () => {
    const one = machines(0);
    one.read(1, 1);
    one.setWall(3_600_000);
    assert.equal(one.behindMs, 1);
    assert.ok(one.clock.aheadMs > 3_599_000);
  });

  for (const ms of [3_600_000, -3_600_000, 500, -500]) {
    test(`it follows the other one when that is set by ${ms / 1_000} s`, () => {
      const one = machines(0);
      one.read(1, 1);
      one.setOther(ms);
      one.read(2, 2);
      assert.equal(one.behindMs, 2);
    });
  }

  test('a slow answer alone does not say that this machine’s clock is wrong', () => {
    const one = machines(0);
    one.read(0, 8_000);
    assert.equal(one.clock.aheadMs, 0);
  });
});
