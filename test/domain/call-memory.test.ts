import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { NO_HISTORY } from '../../src/domain/policy/history.ts';
import type { WantedMemory } from '../../src/domain/policy/places.ts';
import { CallMemory } from '../../src/gateway/state/call-memory.ts';
import { onceASecond } from '../../src/gateway/state/heard-call.ts';
import type { Memories, Memory } from '../../src/ports.ts';
import { callOf, policyOf } from '../support/domain/policy.ts';

const POLICY = policyOf({
  default: 'allow',
  tools: {
    read: {},
    send: { ask_if: [{ after: { tool: 'read', within: '1h' } }] },
    once: { deny_if: [{ after: { tool: 'once', within: '1h' } }] },
    delete: { require: [{ after: { tool: 'backup', within: '1h' } }] },
  },
});
const WANTED: Record<string, WantedMemory[]> = {
  read: [{ as: '["prometheus","read",null]', phase: 'begun', bySession: false, longestMs: 3_600_000 }],
  once: [{ as: '["prometheus","once",null]', phase: 'begun', bySession: false, longestMs: 3_600_000 }],
  backup: [{ as: '["prometheus","backup",null]', phase: 'succeeded', bySession: false, longestMs: 3_600_000 }],
};

/** A memory over rows in a map that counts what it is asked, with a clock that is set. */
function remembering() {
  const state = { now: Date.parse('2026-11-30T12:00:00Z'), slowMs: 0, asked: [] as string[], missing: [] as string[] };
  const rows = new Map<string, Memory>();
  const broken = new Set<string>();
  const latest = (place: string): Memory[] =>
    [...rows.values()]
      .filter((row) => row.place === place)
      .toSorted((one, next) => next.at.getTime() - one.at.getTime())
      .slice(0, 8);
  const memories: Memories = {
    remember: async (all) => {
      state.asked.push('remember');
      for (const one of all) rows.set(`${one.place} ${one.ref}`, one);
      state.now += state.slowMs;
    },
    read: async (places) => {
      state.asked.push('read');
      const found = places.map((place): [string, Memory[] | 'broken'] => [
        place,
        broken.has(place) ? 'broken' : latest(place),
      ]);
      return { now: new Date(state.now), found: new Map(found) };
    },
    forget: async () => {},
  };
  const clock = { now: () => new Date(state.now) };
  const log = { warn: () => {} };
  const rules = { wanted: (_: string, tool: string) => WANTED[tool] ?? [], wantedAt: () => WANTED.read! };
  const [memory, other] = [1, 2].map(
    () => new CallMemory(memories, rules, { clock, log }, (row) => void state.missing.push(row)),
  ) as [CallMemory, CallMemory];
  const says = async (tool: string, self: string | null = null) =>
    evaluate(POLICY, callOf(tool), await memory.historyFor(POLICY, callOf(tool), self)).kind;
  return { state, rows, broken, memories, clock, log, memory, other, says };
}
const caller = (tool: string) => ({ grant: 'release-bot', session: 'session-1', server: 'prometheus', tool });

test('calls that no policy names cost no statement, neither before nor after them', async () => {
  const { state, memory } = remembering();
  assert.equal(memory.historyFor(POLICY, callOf('plain'), null), NO_HISTORY, 'at once');
  assert.equal(memory.wants('prometheus', 'plain'), false);
  await memory.begun(caller('plain'), 'ca_1');
  await memory.ended(caller('plain'), 'ca_1', 'succeeded');
  assert.deepEqual(state.asked, []);
});

test('a call that a policy names costs one before it and one after it; a condition on it, one', async () => {
  const { state, memory, says } = remembering();
  await memory.begun(caller('read'), 'ca_1');
  await memory.ended(caller('read'), 'ca_1', 'succeeded');
  assert.deepEqual(state.asked, ['remember', 'remember']);
  assert.equal(await says('send'), 'ask');
  assert.deepEqual(state.asked.slice(2), ['read']);
});

test('only a success is remembered as one, and only at its end', async () => {
  const { memory, says } = remembering();
  await memory.begun(caller('backup'), 'ca_1');
  assert.equal(await says('delete'), 'deny');
  await memory.ended(caller('backup'), 'ca_1', 'failed');
  assert.equal(await says('delete'), 'deny');
  await memory.ended(caller('backup'), 'ca_1', 'succeeded');
  assert.equal(await says('delete'), 'allow');
});

test('a call does not count against itself, and another does', async () => {
  const { memory, says } = remembering();
  await memory.begun(caller('once'), 'ca_1');
  assert.equal(await says('once', 'ca_1'), 'allow');
  assert.equal(await says('once', 'ca_2'), 'deny');
});

test('the time runs from the end of the call', async () => {
  const { state, memory, says } = remembering();
  await memory.begun(caller('read'), 'ca_1');
  state.now += 3_000_000;
  await memory.ended(caller('read'), 'ca_1', 'failed');
  state.now += 3_000_000;
  assert.equal(await says('send'), 'ask');
  state.now += 700_000;
  assert.equal(await says('send'), 'allow');
});

test('P1: what this process remembered counts although somebody took it out, and is told', async () => {
  const { state, rows, memory, says } = remembering();
  await memory.begun(caller('read'), 'ca_1');
  const [kept] = [...rows.values()];
  rows.clear();
  assert.equal(await says('send'), 'ask');
  assert.equal(state.missing.length, 1);
  rows.set('x', { ...kept!, at: new Date(kept!.at.getTime() - 3_500_000) });
  state.now += 1_000_000;
  assert.equal(await says('send'), 'ask', 'an older one was put back');
  state.now += 3_600_000;
  rows.clear();
  assert.equal(await says('send'), 'allow');
  assert.equal(state.missing.length, 2, 'what has run out may be gone');
});

test('P6: a store that takes too long to remember a call is one that does not answer', async () => {
  const { state, memory } = remembering();
  state.slowMs = 600;
  await assert.rejects(memory.begun(caller('read'), 'ca_1'), /too long to remember/);
  assert.equal(state.asked.length, 3);
});

const MINUTE = 60_000;

test('P1: what a call brings later by another way counts from when it comes, at another replica too', async () => {
  const { state, memory, other, says } = remembering();
  await memory.begun(caller('read'), 'ca_1');
  await memory.ended(caller('read'), 'ca_1', 'unfinished');
  state.now += 61 * MINUTE;
  assert.equal(await says('send'), 'allow', 'nothing came');
  const late = other.late({ grant: 'release-bot', session: 'session-2' }, 'prometheus')!;
  await late();
  assert.equal(await says('send'), 'ask');
  state.now += 59 * MINUTE;
  assert.equal(await says('send'), 'ask');
  state.now += 2 * MINUTE;
  assert.equal(await says('send'), 'allow');
  await late();
  assert.equal(await says('send'), 'ask', 'more of it');
});

test('what is passed on by another way is nothing of a call whose end was heard, nor of another grant’s', async () => {
  const { state, memory, says } = remembering();
  const late = (grant: string) => memory.late({ grant, session: null }, 'prometheus')!();
  await memory.begun(caller('read'), 'ca_1');
  await memory.ended(caller('read'), 'ca_1', 'succeeded');
  state.now += 61 * MINUTE;
  await late('release-bot');
  assert.equal(await says('send'), 'allow');
  await memory.begun(caller('read'), 'ca_2');
  await memory.ended(caller('read'), 'ca_2', 'unfinished');
  state.now += 61 * MINUTE;
  await late('another');
  assert.equal(await says('send'), 'allow');
  state.now += 31 * 24 * 60 * MINUTE;
  await late('release-bot');
  assert.equal(await says('send'), 'allow', 'a month later');
});

test('calls that end do not push out one that did not, however many', async () => {
  const { state, memory, says } = remembering();
  await memory.begun(caller('read'), 'ca_task');
  await memory.ended(caller('read'), 'ca_task', 'unfinished');
  for (let n = 0; n < 20; n += 1) {
    await memory.begun(caller('read'), `ca_${n}`);
    await memory.ended(caller('read'), `ca_${n}`, 'succeeded');
  }
  state.now += 61 * MINUTE;
  assert.equal(await says('send'), 'allow');
  await memory.late({ grant: 'release-bot', session: null }, 'prometheus')!();
  assert.equal(await says('send'), 'ask');
});

test('P1: a row of what may come later that is gone, or is not believed, counts all the same', async () => {
  const { state, rows, memory, other, says, broken } = remembering();
  await memory.begun(caller('read'), 'ca_1');
  await memory.ended(caller('read'), 'ca_1', 'unfinished');
  state.now += 61 * MINUTE;
  rows.clear();
  await memory.late({ grant: 'release-bot', session: null }, 'prometheus')!();
  assert.equal(state.missing.length, 1);
  assert.equal(await says('send'), 'ask');
  state.now += 61 * MINUTE;
  broken.add(state.missing[0]!);
  await other.late({ grant: 'release-bot', session: null }, 'prometheus')!();
  assert.equal(await says('send'), 'ask');
});

test('where no policy asks about a server, nothing that passes is looked at', () => {
  const { memories, clock, log } = remembering();
  const rules = { wanted: () => [], wantedAt: () => [] };
  const memory = new CallMemory(memories, rules, { clock, log }, () => {});
  assert.equal(memory.late({ grant: 'release-bot', session: null }, 'prometheus'), null);
});

test('an answer that comes for minutes renews its call, once a second', async () => {
  const { state, memory, clock, says } = remembering();
  await memory.begun(caller('read'), 'ca_1');
  const came = onceASecond(clock, () => memory.came(caller('read'), 'ca_1'), true);
  for (let n = 0; n < 100; n += 1) {
    await came();
    state.now += 200;
  }
  assert.equal(state.asked.length, 20, 'with that of its beginning');
  state.now += 59 * MINUTE;
  await came();
  state.now += 59 * MINUTE;
  assert.equal(await says('send'), 'ask');
});

test('a call of this process that is remembered while another is read accuses nobody', async () => {
  const { state, memories, memory, says } = remembering();
  const read = memories.read.bind(memories);
  let during: (() => Promise<void>) | null = null;
  memories.read = async (places) => {
    const found = await read(places);
    const run = during;
    during = null;
    await run?.();
    return found;
  };
  await memory.begun(caller('once'), 'ca_1');
  during = async () => {
    state.now += 5;
    await memory.begun(caller('once'), 'ca_2');
  };
  assert.equal(await says('once', 'ca_1'), 'allow', 'what began later is not in what was read');
  assert.deepEqual(state.missing, []);
  assert.equal(await says('once', 'ca_1'), 'deny');
  assert.deepEqual(state.missing, []);
});
