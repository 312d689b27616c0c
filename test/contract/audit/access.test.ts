import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import { AccessLog, type RefusedRequest } from '../../../src/gateway/log/access-log.ts';
import { TestClock } from '../../support/clock.ts';

const KNOCK: RefusedRequest = { door: 'mcp', status: 401, server: 'tools', grant: null, address: '10.0.0.9' };

function world() {
  const events: NewEvent[] = [];
  const clock = new TestClock();
  return { events, clock, access: new AccessLog((event) => events.push(event), clock) };
}

describe('Refused access', () => {
  test('is an event at once, and a count for as long as it goes on', () => {
    const { events, clock, access } = world();
    for (let n = 0; n < 500; n += 1) access.refused(KNOCK);
    assert.deepEqual(
      events.map(({ data }) => data.times),
      [1],
    );
    access.flush();
    assert.equal(events.length, 1);
    clock.advance(61_000);
    access.flush();
    assert.deepEqual(
      events.map(({ type, data }) => [type, data.times]),
      [
        ['access.refused', 1],
        ['access.refused', 499],
      ],
    );
    access.refused(KNOCK);
    assert.equal(events.length, 3);
  });

  test('is told apart by door, status, server and grant', () => {
    const { events, access } = world();
    const others: Partial<RefusedRequest>[] = [{ status: 403 }, { door: 'api' }, { server: null }, { grant: 'bot' }];
    for (const other of [{}, ...others]) access.refused({ ...KNOCK, ...other });
    assert.equal(events.length, 5);
    assert.equal(events.at(-1)!.actor, 'grant:bot');
  });

  test('loses no count when the process stops', () => {
    const { events, access } = world();
    for (let n = 0; n < 3; n += 1) access.refused(KNOCK);
    access.flush(true);
    assert.deepEqual(
      events.map(({ data }) => data.times),
      [1, 2],
    );
  });

  test('cannot fill the memory', () => {
    const { events, access } = world();
    for (let n = 0; n < 5_000; n += 1) access.refused({ ...KNOCK, grant: `g${n}` });
    assert.equal(events.length, 1_001);
    access.flush(true);
    assert.equal(
      events.reduce((sum, { data }) => sum + Number(data.times), 0),
      5_000,
    );
  });
});

test('the use of a grant, and a read with the admin token, is logged once an hour', () => {
  const { events, clock, access } = world();
  const all = (): void => {
    access.used('bot', 'tools');
    access.used('bot', 'other');
    access.read('events');
  };
  all();
  all();
  assert.deepEqual(
    events.map(({ type, server }) => [type, server]),
    [
      ['grant.used', 'tools'],
      ['grant.used', 'other'],
      ['admin.read', null],
    ],
  );
  clock.advance(3_601_000);
  all();
  assert.equal(events.length, 6);
});
