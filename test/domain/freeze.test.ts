import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Freeze,
  type FreezeScope,
  freezeOver,
  freezeReason,
  freezeWords,
} from '../../src/domain/freeze/freeze.ts';
import { METHODS, passesFreeze } from '../../src/domain/policy/methods.ts';

const freeze = (scope: FreezeScope, reason = 'incident 7'): Freeze => ({
  id: `fz_${scope.kind}`,
  scope,
  reason,
  by: 'U0OPS',
  since: new Date('2026-08-01T10:00:00Z'),
});
const ALL = freeze({ kind: 'all' });
const DB = freeze({ kind: 'server', name: 'db' });
const BOT = freeze({ kind: 'grant', name: 'bot' });

describe('a freeze', () => {
  test('stops everything, one server or one grant; the widest is named', () => {
    const over = (freezes: readonly Freeze[], server: string, grant: string) =>
      freezeOver(freezes, { server, grant })?.scope.kind ?? null;
    const table: [readonly Freeze[], string, string, string | null][] = [
      [[], 'db', 'bot', null],
      [[ALL], 'db', 'bot', 'all'],
      [[DB], 'db', 'other', 'server'],
      [[DB], 'files', 'bot', null],
      [[BOT], 'files', 'bot', 'grant'],
      [[BOT], 'files', 'other', null],
      [[BOT, DB], 'db', 'bot', 'server'],
      [[BOT, DB, ALL], 'db', 'bot', 'all'],
      [[freeze({ kind: 'server', name: 'bot' })], 'db', 'bot', null],
      [[freeze({ kind: 'grant', name: 'db' })], 'db', 'bot', null],
    ];
    for (const [freezes, server, grant, kind] of table) assert.equal(over(freezes, server, grant), kind);
  });

  test('is told by whom, since when and why, in one line that nothing in the reason can break', () => {
    assert.equal(freezeWords(DB), 'the server db is frozen by U0OPS since 2026-08-01 10:00 UTC: incident 7');
    const words = freezeWords(freeze({ kind: 'all' }, 'one\n\ttwo\u202e \u001b[2J'));
    assert.equal(words, 'everything is frozen by U0OPS since 2026-08-01 10:00 UTC: one two\\u202e \\u001b[2J');
  });

  test('needs a reason of 1 to 500 characters', () => {
    assert.deepEqual(freezeReason('  why '), { reason: 'why' });
    assert.deepEqual(freezeReason('x'.repeat(500)), { reason: 'x'.repeat(500) });
    assert.deepEqual(freezeReason('a\0b'), { reason: 'ab' });
    for (const wrong of [undefined, null, 7, '', ' \n', '\0', 'x'.repeat(501), {}]) {
      const read = freezeReason(wrong);
      assert.match('fault' in read ? read.fault : '', /^reason must be a text of 1 to 500 characters/, String(wrong));
    }
  });

  test('lets pass what a session needs to live and what tells how sent calls go on, and nothing that acts', () => {
    const passing = [...METHODS.keys()].filter(passesFreeze).sort();
    assert.deepEqual(passing, [
      'initialize',
      'notifications/cancelled',
      'notifications/initialized',
      'ping',
      'prompts/list',
      'resources/list',
      'resources/templates/list',
      'resources/unsubscribe',
      'server/discover',
      'subscriptions/listen',
      'tasks/cancel',
      'tasks/get',
      'tasks/list',
      'tasks/result',
      'tools/list',
    ]);
    for (const method of ['acme/run', 'toString', '', 'constructor']) assert.equal(passesFreeze(method), false, method);
  });
});
