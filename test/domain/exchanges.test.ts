import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GuessThrottle, REVIEWER_GUESSES } from '../../src/gateway/state/guess-throttle.ts';
import { Exchanges } from '../../src/web/http/exchanges.ts';

const AT = new Date('2026-11-30T09:00:00Z');
const after = (seconds: number): Date => new Date(AT.getTime() + seconds * 1_000);

describe('What anybody can make the gateway ask the provider', () => {
  test('is eight at once from one address, and thirty-two in all', () => {
    const exchanges = new Exchanges();
    const enter = (address: string) => exchanges.enter(address, AT);
    const ways = Array.from({ length: 8 }, () => enter('10.0.0.1'));
    assert.ok(ways.every((way) => typeof way === 'function'));
    assert.equal(enter('10.0.0.1'), 1);
    for (let n = 0; n < 24; n += 1) assert.equal(typeof enter(`10.0.1.${n}`), 'function');
    assert.equal(enter('10.0.2.1'), 1, 'of all together');
    (ways[0] as () => void)();
    assert.equal(typeof enter('10.0.2.1'), 'function');
  });

  test('is 120 a minute from one address', () => {
    const exchanges = new Exchanges();
    for (let n = 0; n < 120; n += 1) (exchanges.enter('10.0.0.1', AT) as () => void)();
    assert.equal(exchanges.enter('10.0.0.1', after(50)), 10);
    assert.equal(typeof exchanges.enter('10.0.0.2', after(50)), 'function');
    assert.equal(typeof exchanges.enter('10.0.0.1', after(60)), 'function');
  });
});

describe('Whether an address has guessed too often', () => {
  test('is known before another guess is looked at, and ends with the minute', () => {
    let now = AT;
    const throttle = new GuessThrottle({ now: () => now }, REVIEWER_GUESSES);
    for (let n = 0; n < REVIEWER_GUESSES.perSource; n += 1) {
      assert.equal(throttle.isOver('10.0.0.1'), false);
      assert.equal(throttle.wrong('10.0.0.1', 'admin'), null);
    }
    assert.equal(throttle.isOver('10.0.0.1'), true);
    assert.equal(throttle.isOver('10.0.0.2'), false, 'nobody elsewhere is kept out');
    now = after(60);
    assert.equal(throttle.isOver('10.0.0.1'), false);
  });
});
