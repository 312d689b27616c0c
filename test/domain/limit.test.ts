import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Call } from '../../src/domain/call/call.ts';
import {
  type FullLimit,
  type LimitRule,
  SCOPES,
  type Scope,
  takeKey,
  takesOf as takesIn,
} from '../../src/domain/policy/limit.ts';
import { FullLimits } from '../../src/gateway/state/full-limits.ts';

const call = (different: Partial<Call> = {}, owner: string | null = 'U0SAM'): Call => ({
  principal: { grant: 'bot', owner, selfApproval: false },
  server: 'prometheus',
  tool: 't',
  args: {},
  session: 's1',
  params: {},
  ...different,
});
const rule = (different: Partial<LimitRule> = {}): LimitRule => ({
  counter: 'c',
  window: { calendar: 'minute' },
  max: '3',
  scope: 'grant',
  by: '1',
  ...different,
});
/** Two servers that lead to one upstream, and one that does not. */
const upstreamOf = (server: string): string => (server === 'other' ? 'upstream 2' : 'upstream 1');
const takesOf = (of: Call, limits: readonly LimitRule[]) => takesIn(of, limits, upstreamOf);
const keyOf = (scope: Scope, of: Call): string => takeKey(takesOf(of, [rule({ scope })])[0]!);

describe('what a call takes from', () => {
  test('P5: each scope counts together exactly what it should', () => {
    const [here, there] = [call(), call({ server: 'resend' })];
    const stranger = call({ principal: { grant: 'other', owner: 'U0SAM', selfApproval: false } });
    const later = call({ session: 's2' });
    const shares = (scope: Scope, a: Call, b: Call): boolean => keyOf(scope, a) === keyOf(scope, b);
    const TABLE: [Scope, server: boolean, grant: boolean, session: boolean][] = [
      ['grant', false, false, true],
      ['session', false, true, false],
      ['server', false, true, true],
      ['owner', true, true, true],
      ['global', true, true, true],
    ];
    assert.deepEqual(TABLE.map(([scope]) => scope).sort(), [...SCOPES].sort());
    for (const [scope, server, grant, session] of TABLE) {
      assert.equal(shares(scope, here, there), server, `${scope}: another server`);
      assert.equal(shares(scope, here, stranger), grant, `${scope}: another grant of the same owner`);
      assert.equal(shares(scope, here, later), session, `${scope}: another session`);
    }
  });

  test('P5: a call without a session, or without an owner, counts with its grant and cannot pose as another', () => {
    const without = call({ session: null });
    assert.equal(keyOf('session', without), keyOf('session', call({ session: null, tool: 'x' })));
    assert.notEqual(keyOf('session', without), keyOf('session', call({ session: 'grant bot' })));
    assert.notEqual(keyOf('session', without), keyOf('session', call({ session: 'bot' })));
    assert.notEqual(keyOf('owner', call({}, null)), keyOf('owner', call({}, 'bot')));
  });

  test('P5: counters of other names, windows and scopes are other counters; max and by are not part of the name', () => {
    const key = (different: Partial<LimitRule>): string => takeKey(takesOf(call(), [rule(different)])[0]!);
    const keys = [
      key({}),
      key({ counter: 'd' }),
      key({ window: { calendar: 'hour' } }),
      key({ window: { seconds: 60 } }),
      key({ window: { seconds: 61 } }),
      key({ scope: 'server' }),
    ];
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(key({ max: '9', by: '2' }), key({}));
    assert.notEqual(key({ counter: 'a","b' }), key({ counter: 'a' }));
  });

  test('P5: servers that lead to one upstream share a counter only where the limit says so', () => {
    const key = (server: string, different: Partial<LimitRule>): string =>
      takeKey(takesOf(call({ server }), [rule(different)])[0]!);
    for (const scope of ['grant', 'server'] as const) {
      assert.notEqual(key('prometheus', { scope }), key('resend', { scope }));
      assert.equal(key('prometheus', { scope, shared: 'upstream' }), key('resend', { scope, shared: 'upstream' }));
      assert.notEqual(key('prometheus', { scope, shared: 'upstream' }), key('other', { scope, shared: 'upstream' }));
      assert.equal(key('prometheus', { scope, shared: 'server' }), key('prometheus', { scope }));
    }
  });

  test('P5: every call takes in the same order, so that two never deadlock', () => {
    const rules = [
      rule({ counter: 'z' }),
      rule({ counter: 'a', scope: 'global' }),
      rule({ counter: 'm', scope: 'server' }),
    ];
    const order = (list: LimitRule[]): string[] => takesOf(call(), list).map(takeKey);
    assert.deepEqual(order(rules), order(rules.toReversed()));
    assert.deepEqual(order(rules), [...order(rules)].sort());
  });
});

describe('what is remembered as full', () => {
  const now = new Date('2026-01-01T00:00:10Z');
  const take = takesOf(call(), [rule()])[0]!;
  const full: FullLimit = { take, resetsAt: new Date('2026-01-01T00:01:00Z'), retryAfter: 50 };
  const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1_000);

  test('P5: it refuses for five seconds, and says how long the window has left', () => {
    const memory = new FullLimits();
    memory.remember(full, now);
    assert.equal(memory.find([take], at(2))?.retryAfter, 48);
    assert.equal(memory.find([take], at(4.9))?.retryAfter, 46);
    assert.equal(memory.find([take], at(5)), null, 'a call that was not sent may have given back its quota');
    assert.equal(memory.find([take], at(2)), null, 'forgotten once it was over');
  });

  test('P5: it refuses not a moment longer than its window', () => {
    const memory = new FullLimits();
    memory.remember({ ...full, retryAfter: 2 }, now);
    assert.equal(memory.find([take], at(1.5))?.retryAfter, 1);
    assert.equal(memory.find([take], at(2)), null);
  });

  test('P5: it speaks only for calls that take as much or more, under the same maximum', () => {
    const memory = new FullLimits();
    memory.remember({ ...full, take: { ...take, by: '2' } }, now);
    assert.equal(memory.find([{ ...take, by: '1' }], now), null, 'a smaller one may still fit');
    assert.notEqual(memory.find([{ ...take, by: '2' }], now), null);
    assert.notEqual(memory.find([{ ...take, by: '10' }], now), null);
    assert.equal(memory.find([{ ...take, by: '2', max: '4' }], now), null, 'a new policy allows more');
    assert.equal(memory.find([{ ...take, by: '2', scopeValue: 'another' }], now), null);
  });

  test('P5: the first full one of several is told', () => {
    const memory = new FullLimits();
    memory.remember(full, now);
    const other = { ...take, counter: 'free' };
    assert.deepEqual(memory.find([other, take], now)?.take, take);
    assert.equal(memory.find([other], now), null);
  });
});
