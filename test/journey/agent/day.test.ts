import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDay } from '../../../bench/day/day.ts';
import { faultsOf, judge } from '../../../bench/day/judge.ts';
import { replay } from '../../../bench/day/replay.ts';
import { realServers } from '../../../bench/storage.ts';
import { skipWithout } from '../../support/store/servers.ts';

const DAY = new URL('../../../bench/day/day.json', import.meta.url).pathname;
const MORNING_S = 5_400;
const LOOKS = [900, 2_700, MORNING_S + 300];
const MOST_ACTIONS = 30;

/** The first hour and a half of the day, in half a minute. */
async function morning(env: Record<string, string>): Promise<void> {
  const day = readDay(DAY);
  const calls = day.calls.filter(({ at }) => at <= MORNING_S);
  const replayed = await replay({ ...day, calls }, { hourMs: 20_000, looks: LOOKS, allowMinutes: 480, env });
  const judgement = judge(replayed);
  assert.deepEqual(faultsOf(judgement, MOST_ACTIONS), [], JSON.stringify(judgement));
  assert.ok(judgement.ran.byAllowance > 0 && judgement.ran.byBatch > 0, JSON.stringify(judgement.ran));
  assert.equal(calls.length, judgement.calls);
}

test('P1: a morning of eight agents needs few decisions, nothing bad runs, and each run leads back to a person', () =>
  morning({}));

test('P1: … on Redis and Postgres too', { skip: skipWithout('redis') || skipWithout('postgres') }, async () => {
  const storage = await realServers();
  try {
    await morning(await storage.env('morning'));
  } finally {
    await storage.close();
  }
});
