import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callKey, type Day, type DayCall, readDay } from '../../bench/day/day.ts';
import { makeDay } from '../../bench/day/make-day.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { liesWithin, likenessMaterial } from '../../src/domain/allowance/likeness.ts';
import type { Call } from '../../src/domain/call/call.ts';
import { canonical } from '../../src/domain/json/canonical.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { ruleFor } from '../../src/domain/policy/rule.ts';

const FOLDER = new URL('../../bench/day/', import.meta.url).pathname;
const POLICIES = new Map(
  readdirSync(join(FOLDER, 'policies')).map((file): [string, Policy] => {
    const parsed = parsePolicy(readFileSync(join(FOLDER, 'policies', file), 'utf8'), { path: file });
    assert.ok(parsed.ok, file);
    return [file.replace('.yaml', ''), parsed.policy];
  }),
);
const DAYS: Day[] = [readDay(join(FOLDER, 'day.json')), ...Array.from({ length: 40 }, (_, seed) => makeDay(seed + 1))];

function asked({ agent, server, tool, arguments: args }: DayCall): Call {
  const principal = { grant: agent, owner: 'sam', selfApproval: false };
  return { principal, server, tool, args, session: null, params: { name: tool, arguments: args } };
}

/** What a call has in common with all that one allowance would cover; null: it lies out of bounds, or there are none. */
function likeness(day: DayCall): string | null {
  const call = asked(day);
  const rule = ruleFor(POLICIES.get(day.server)!, day.tool)?.ask.allowance;
  if (!rule || !liesWithin(call, rule.within)) return null;
  const material = likenessMaterial(call, rule.mayVary);
  return material === null ? null : canonical(material);
}

test('the day has 400 calls that policy asks about, 20 of them bad, and so has each day of the same making', () => {
  for (const { about, calls } of DAYS) {
    assert.deepEqual([calls.length, calls.filter(({ bad }) => bad).length], [400, 20], about);
    for (const call of calls) {
      assert.equal(evaluate(POLICIES.get(call.server)!, asked(call)).kind, 'ask', callKey(call));
    }
  }
});

test('the same seed makes the same day, another seed another', () => {
  assert.deepEqual(makeDay(7), makeDay(7));
  assert.notDeepEqual(makeDay(7).calls, makeDay(8).calls);
});

test('P1: no allowance that a good call of a day offers covers a bad one, of its own or of any other day', () => {
  const calls = DAYS.flatMap((day) => day.calls);
  const offered = new Set(calls.filter(({ bad }) => !bad).map(likeness));
  offered.delete(null);
  assert.ok(offered.size >= 9, `${offered.size}`);
  for (const call of calls.filter(({ bad }) => bad)) {
    const like = likeness(call);
    assert.ok(like === null || !offered.has(like), callKey(call));
  }
});

test('every good call lies in what its policy lets people allow, but for money and deletions, which nobody can allow', () => {
  for (const call of DAYS.flatMap((day) => day.calls)) {
    const never = call.risk === 'financial' || call.risk === 'destructive';
    if (never) assert.equal(likeness(call), null, callKey(call));
    else if (!call.bad) assert.notEqual(likeness(call), null, callKey(call));
  }
});
