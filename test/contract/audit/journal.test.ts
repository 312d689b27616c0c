import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_EXACT } from '../../../src/domain/call/inexact.ts';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import { allow } from '../../../src/gateway/call/allow.ts';
import { deny } from '../../../src/gateway/call/deny.ts';
import { VerdictNotes } from '../../../src/gateway/call/verdict-notes.ts';
import { Journal } from '../../../src/gateway/log/journal.ts';
import { event } from '../../support/audit/world.ts';
import { callOf } from '../../support/domain/policy.ts';
import { quiet } from '../../support/log.ts';
import { until } from '../../support/wait.ts';

test('P7: what waited out an outage is written in order, no write larger than a statement can hold', async () => {
  const written: NewEvent[] = [];
  let down = true;
  let largest = 0;
  const journal = new Journal(
    {
      append: async (events) => {
        if (down) throw new Error('gone');
        largest = Math.max(largest, events.length);
        written.push(...events);
      },
    },
    quiet,
  );
  for (let n = 0; n < 10_500; n += 1) journal.note(event(`${n}`));
  assert.equal(journal.writable, false);
  await assert.rejects(journal.flush());
  down = false;
  await journal.flush();
  assert.equal(journal.writable, true);
  assert.equal(journal.waiting, 0);
  assert.equal(journal.dropped, 500);
  assert.deepEqual(
    written.map((one) => one.data.what),
    Array.from({ length: 10_000 }, (_, n) => `${n}`),
  );
  assert.ok(largest * 8 < 65_535, `${largest} at once`);
  await journal.close();
});

test('P7: an event is made when it is written; one that cannot be made is counted and takes no other along', async () => {
  const written: NewEvent[] = [];
  const journal = new Journal({ append: async (events) => void written.push(...events) }, quiet);
  let made = 0;
  journal.note(() => {
    made += 1;
    return event('later');
  });
  journal.note(() => {
    throw new Error('no canonical form');
  });
  journal.note(event('now'));
  assert.equal(made, 0);
  await journal.flush();
  assert.deepEqual([made, written.map((one) => one.data.what), journal.dropped], [1, ['later', 'now'], 1]);
  assert.equal(journal.writable, true);
  await journal.close();
});

test('P7: a slow log holds calls up and lets them go when it has written, a log that fails refuses them', async () => {
  for (const ends of ['writes', 'fails'] as const) {
    const write = Promise.withResolvers<void>();
    const journal = new Journal({ append: () => write.promise }, quiet);
    journal.note(event('slow'));
    await until('it has taken long', () => !journal.writable);
    const calls = [journal.recovered(), journal.recovered()];
    let answered = false;
    void calls[0]!.finally(() => {
      answered = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(answered, false, 'while it is not known');
    if (ends === 'writes') write.resolve();
    else write.reject(new Error('gone'));
    assert.deepEqual(await Promise.all(calls), [ends === 'writes', ends === 'writes']);
    assert.equal(await journal.recovered(), ends === 'writes', 'then at once');
    await journal.close();
  }
});

test('P7: of the calls that a slow log held up, none is forwarded or denied without its event', async () => {
  const HELD = 10_050;
  for (const kind of ['allow', 'deny'] as const) {
    const write = Promise.withResolvers<void>();
    let writes = 0;
    let written = 0;
    const append = async (events: readonly NewEvent[]): Promise<void> => {
      writes += 1;
      if (writes === 1) await write.promise;
      written += events.length;
    };
    const journal = new Journal({ append }, quiet);
    const knownFreezes = { over: () => null };
    const gateway = {
      ...{ journal, knownFreezes, clock: { now: () => new Date() }, vault: { fingerprints: () => ['f'] } },
    } as never;
    const trace = { rule: 'r', risk: null, severity: null, reason: null, steps: [] };
    const verdict = kind === 'allow' ? { kind, limits: [], trace } : { kind, reason: 'no', trace };
    const call = callOf('t', {});
    const bytes = new Uint8Array(1);
    const gated = { freeze: () => bytes, gatedFault: () => null };
    const arrival = { call, policy: null, bytes, requestId: '1', inexact: ALL_EXACT, statedReason: null, ...gated };
    const notes = new VerdictNotes(gateway, arrival, verdict);
    journal.note(event('first'));
    await until('the log is slow', () => !journal.writable);
    const held = Array.from({ length: HELD }, async () =>
      kind === 'allow' ? allow(gateway, notes, [], 1) : deny(gateway, notes, 'no'),
    );
    write.resolve();
    const ends = (await Promise.all(held)).map((handled) => handled.kind);
    await journal.flush();
    const passed = ends.filter((end) => end !== 'unavailable').length;
    assert.deepEqual([journal.dropped, written - 1], [0, passed], `${kind}: ${passed} of ${HELD}`);
    assert.ok(passed > 0 && passed < HELD, `${kind}: ${passed} of ${HELD}`);
    await journal.close();
  }
});
