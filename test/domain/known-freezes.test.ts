import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ALL_EXACT } from '../../src/domain/call/inexact.ts';
import type { Freeze } from '../../src/domain/freeze/freeze.ts';
import type { NewEvent } from '../../src/domain/log/event.ts';
import type { Take } from '../../src/domain/policy/limit.ts';
import { allow } from '../../src/gateway/call/allow.ts';
import { VerdictNotes } from '../../src/gateway/call/verdict-notes.ts';
import { setFreeze } from '../../src/gateway/freeze/set-freeze.ts';
import { FREEZES_GOOD_MS, KnownFreezes } from '../../src/gateway/state/known-freezes.ts';
import { callOf } from '../support/domain/policy.ts';
import { quiet } from '../support/log.ts';

const FROZEN: Freeze = { id: 'fz_1', scope: { kind: 'all' }, reason: 'incident 7', by: 'admin', since: new Date(0) };
const WIDE: Take = {
  ...{ server: 's', counter: 'c', scope: 'global', scopeValue: '*', max: '1000', by: '1' },
  window: { calendar: 'day' },
};

/** A replica that reads freezes from a store, by clocks that the test sets. */
function replica() {
  const now = { steady: 0, wall: 0 };
  const inForce: Freeze[] = [];
  let reads = 0;
  /** What a read waits for. */
  const slow: { answer: Promise<void> } = { answer: Promise.resolve() };
  const list = async (): Promise<readonly Freeze[]> => {
    reads += 1;
    const found = [...inForce];
    await slow.answer;
    return found;
  };
  const pass = (ms: number): void => {
    now.steady += ms;
    now.wall += ms;
  };
  const known = new KnownFreezes({ list }, quiet, () => ({ ...now }));
  const notes: NewEvent[] = [];
  const log = { writable: true, recovered: Promise.withResolvers<boolean>() };
  const journal = {
    get writable() {
      return log.writable;
    },
    recovered: () => log.recovered.promise,
    note: (noted: NewEvent | (() => NewEvent)) => void notes.push(typeof noted === 'function' ? noted() : noted),
  };
  const counted: string[] = [];
  const gateway = {
    ...{ journal, knownFreezes: known, log: quiet, clock: { now: () => new Date(0) } },
    vault: { fingerprints: () => ['f'] },
    fullLimits: { find: () => null, remember: () => undefined },
    quota: {
      spend: () => {
        counted.push('in memory');
        return [];
      },
    },
    store: {
      admit: async () => {
        counted.push('exactly');
        return { kind: 'admitted', taken: [] };
      },
    },
  } as never;
  const trace = { rule: 'r', risk: null, severity: null, reason: null, steps: [] };
  const arrival = { call: callOf('t'), policy: null, bytes: new Uint8Array(1), inexact: ALL_EXACT };
  const callWith = async (takes: readonly Take[]): Promise<string> => {
    const made = new VerdictNotes(gateway, arrival as never, { kind: 'allow', limits: [], trace });
    return (await allow(gateway, made, takes, 1)).kind;
  };
  return { known, now, inForce, slow, pass, counted, log, callWith, reads: () => reads };
}

test('freezes are good for a while from before they were asked for, by both clocks', async () => {
  const { known, now, slow, pass } = replica();
  assert.equal(known.isGood, false, 'before the first read');
  await known.refresh();
  pass(FREEZES_GOOD_MS - 1);
  assert.equal(known.isGood, true);
  pass(1);
  assert.equal(known.isGood, false);
  const answer = Promise.withResolvers<void>();
  slow.answer = answer.promise;
  const reading = known.refresh();
  pass(FREEZES_GOOD_MS);
  answer.resolve();
  await reading;
  assert.equal(known.isGood, false, 'a read that took so long says nothing of now');
  await known.refresh();
  // The machine slept.
  now.wall += FREEZES_GOOD_MS;
  assert.equal(known.isGood, false);
});

test('P5: a call within a wide limit goes by freezes that are good, and else has them read again', async () => {
  const { known, inForce, slow, pass, counted, callWith, reads } = replica();
  await known.refresh();
  assert.equal(await callWith([WIDE]), 'forward');
  assert.deepEqual([counted.splice(0), reads()], [['in memory'], 1], 'without asking anybody');
  pass(FREEZES_GOOD_MS);
  assert.deepEqual(await Promise.all([callWith([WIDE]), callWith([WIDE])]), ['forward', 'forward']);
  assert.deepEqual([counted.splice(0), reads()], [['in memory', 'in memory'], 2], 'one read for both');
  // This replica stood still while another one froze everything.
  pass(FREEZES_GOOD_MS);
  inForce.push(FROZEN);
  assert.equal(await callWith([WIDE]), 'frozen');
  inForce.length = 0;
  pass(FREEZES_GOOD_MS);
  const answer = Promise.withResolvers<void>();
  slow.answer = answer.promise;
  const waiting = callWith([WIDE]);
  pass(FREEZES_GOOD_MS);
  answer.resolve();
  assert.equal(await waiting, 'forward');
  assert.deepEqual(counted.splice(0), ['exactly'], 'the transaction looks, where reading takes too long');
});

test('a call that waited for the log does not pass a freeze that was set meanwhile', async () => {
  const { known, inForce, log, callWith } = replica();
  await known.refresh();
  log.writable = false;
  const waiting = callWith([]);
  inForce.push(FROZEN);
  await known.refresh();
  log.writable = true;
  log.recovered.resolve(true);
  assert.equal(await waiting, 'frozen');
});

test('a freeze is answered once no replica lets a limited call through that does not know of it', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { known } = replica();
  const gateway = {
    ...{ knownFreezes: known, log: quiet, clock: { now: () => new Date(0) } },
    rules: { isOperator: () => true, knows: () => true },
    freezes: { set: async () => ({ kind: 'set', concerned: [] }) },
    storeWatch: { tellSets: async () => undefined },
  } as never;
  let answered = false;
  const setting = setFreeze(gateway, { kind: 'all' }, 'incident 7', { id: 'admin', via: 'api' }).finally(() => {
    answered = true;
  });
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 5; n += 1) await turn();
  };
  await settle();
  t.mock.timers.tick(FREEZES_GOOD_MS - 1);
  await settle();
  assert.equal(answered, false);
  t.mock.timers.tick(1);
  assert.equal((await setting).kind, 'set');
});
