import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setClock } from '../../../bench/day/clock.ts';
import { readDay } from '../../../bench/day/day.ts';
import { faultsOf, judge } from '../../../bench/day/judge.ts';
import { makeDay } from '../../../bench/day/make-day.ts';
import { replay } from '../../../bench/day/replay.ts';
import { skipWithoutFakeTime } from '../../support/gateway/other-clock.ts';

const MORNING_S = 5_400;
const LOOKS = [900, 2_700, MORNING_S + 300];
const MOST_ACTIONS = 30;
const DAYS = [readDay(new URL('../../../bench/day/day.json', import.meta.url).pathname), makeDay(6)];

for (const [nth, day] of DAYS.entries()) {
  const title =
    'P1: a morning of eight agents needs few decisions, nothing bad runs, and each run leads back to a person';
  test(`${title} (${nth + 1})`, { skip: skipWithoutFakeTime() }, async () => {
    const calls = day.calls.filter(({ at }) => at <= MORNING_S);
    const judgement = judge(await replay({ ...day, calls }, { clock: setClock(), looks: LOOKS, allowMinutes: 480 }));
    assert.deepEqual(faultsOf(judgement, MOST_ACTIONS), [], JSON.stringify(judgement));
    assert.ok(judgement.ran.byAllowance > 0 && judgement.ran.byBatch > 0, JSON.stringify(judgement.ran));
    assert.equal(judgement.calls, calls.length);
  });
}
