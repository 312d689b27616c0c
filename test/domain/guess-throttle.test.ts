import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { requestAddress, sourceOf, trustedProxies } from '../../src/domain/source.ts';
import { AGENT_GUESSES, GuessThrottle, REVIEWER_GUESSES } from '../../src/gateway/state/guess-throttle.ts';
import { guessable } from '../../src/text/guessable.ts';
import { TestClock } from '../support/clock.ts';

describe('The throttle of wrong credentials', () => {
  const times = (count: number, once: (i: number) => number | null) => Array.from({ length: count }, (_, i) => once(i));

  it('takes ten a minute from one source, and sixty for one name from all of them', () => {
    const clock = new TestClock();
    const throttle = new GuessThrottle(clock, REVIEWER_GUESSES);
    assert.deepEqual(
      times(10, () => throttle.wrong('192.0.2.1', 'admin')),
      Array(10).fill(null),
    );
    assert.equal(throttle.wrong('192.0.2.1', 'admin'), 60);
    const others = times(60, (i) => throttle.wrong(`198.51.100.${i}`, 'admin'));
    assert.equal(others.filter((seconds) => seconds === null).length, 49, 'the eleven before count for the name');
    assert.equal(throttle.wrong('203.0.113.9', 'admin'), 60);
    assert.equal(throttle.wrong('203.0.113.9', 'mira'), null, 'another name has a count of its own');
    clock.advance(60_000);
    assert.equal(throttle.wrong('192.0.2.1', 'admin'), null);
  });

  it('takes a /64 of IPv6 as one source, however it is written', () => {
    const throttle = new GuessThrottle(new TestClock(), { perSource: 4, perName: 100 });
    for (const address of ['2001:db8:0:1::1', '2001:DB8:0:1:0:0:0:2', '2001:db8::1:ffff:0:0:3', '2001:db8:0:1::9%eth0'])
      assert.equal(throttle.wrong(address, null), null, address);
    assert.equal(throttle.wrong('2001:db8:0:1:ffff::1', null), 60);
    assert.equal(throttle.wrong('2001:db8:0:2::1', null), null);
  });

  it('forgets the oldest source, so that its memory is bounded, and still counts by name', () => {
    const throttle = new GuessThrottle(new TestClock(), { perSource: 1, perName: 20_000 });
    const of = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    times(20_000, (i) => throttle.wrong(of(i), 'admin'));
    assert.equal(throttle.wrong(of(0), null), null, 'forgotten');
    assert.equal(throttle.wrong(of(19_999), null), 60, 'remembered');
    assert.equal(throttle.wrong('192.0.2.1', 'admin'), 60, 'by name');
  });

  it('lets agents’ tokens be wrong thirty times, by source alone', () => {
    const throttle = new GuessThrottle(new TestClock(), AGENT_GUESSES);
    const seen = times(31, () => throttle.wrong('192.0.2.1', null));
    assert.deepEqual([seen.filter((seconds) => seconds === null).length, seen[30]], [30, 60]);
  });
});

describe('The address of a request', () => {
  const proxies = trustedProxies(['10.0.0.0/8', '::1', '2001:db8::/32']);
  const table: [string, string | null, string | undefined, string | null][] = [
    ['a peer that is no proxy is not believed', '192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['a proxy without a word', '10.0.0.1', undefined, '10.0.0.1'],
    ['a proxy tells', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['what the caller made up comes before what the proxy wrote', '10.0.0.1', '1.2.3.4, 198.51.100.7', '198.51.100.7'],
    ['proxies behind each other', '10.0.0.1', '198.51.100.7, 10.2.3.4, 2001:db8::5', '198.51.100.7'],
    ['IPv4 in the form of IPv6', '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['with a port', '::1', '198.51.100.7:4711', '198.51.100.7'],
    ['IPv6 with a port', '::1', '[2001:dead::1]:4711', '2001:dead::1'],
    ['no address', '10.0.0.1', 'somebody', '10.0.0.1'],
    ['no address behind a proxy', '10.0.0.1', 'somebody, 10.0.0.2', '10.0.0.2'],
    ['nobody knows', null, '198.51.100.7', null],
  ];
  for (const [name, peer, forwarded, expected] of table) {
    it(`${name}: ${expected}`, () => assert.equal(requestAddress(peer, forwarded, proxies), expected));
  }
  it('looks at no more than sixteen hops', () => {
    const long = Array<string>(1_000).fill('10.0.0.9').join();
    assert.equal(requestAddress('10.0.0.1', `198.51.100.7,${long}`, proxies), '10.0.0.9');
  });
  for (const odd of [
    '',
    'x',
    '1.2.3',
    '1.2.3.256',
    ':::',
    '1::2::3',
    '12345::',
    '::1.2.3.4.5',
    'g::',
    `${'1:'.repeat(30)}1`,
  ]) {
    it(`${JSON.stringify(odd)} is no address`, () => assert.equal(sourceOf(odd), 'unknown'));
  }
});

const TOKENS: [string, boolean][] = [
  ['admin1', true],
  ['a'.repeat(40), true],
  ['admin1admin1admin1admin1', true],
  ['Yk0v9Zq3bW7tR1x', true],
  ['abcdefghijklmnopqrstuvwxyz', true],
  ['987654321098765432109876', true],
  ['Yk0v9Zq3bW7tR1xL', false],
  ['an-admin-token-for-tests-only', false],
  ['0f3a9c71d5b86e240f3a9c71d5b86e24', true],
  ['f1d2d2f924e986ac86fdf7b36c94bcdf32beec15', false],
];
for (const [token, weak] of TOKENS) {
  test(`P8: ${token} can${weak ? '' : 'not'} be guessed`, () => {
    assert.equal(guessable(token) !== null, weak);
    if (weak) assert.ok(!guessable(token)!.includes(token));
  });
}
