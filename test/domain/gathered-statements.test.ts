import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gatheredStatements } from '../../src/sql/connection/gathered-statements.ts';

/** As `pg` tells what the server says of a statement, and what becomes of a socket. */
const refused = (code: string) => Object.assign(new Error('refused'), { code, severity: 'ERROR' });
const cut = () => new Error('Connection terminated unexpectedly');

/** Doubles numbers; `faults`: with what the next statements fail. */
function doubling(...faults: Error[]) {
  const sent: string[] = [];
  const send = (numbers: readonly number[]) => {
    sent.push(numbers.join(' '));
    const fault = numbers.includes(13) ? refused('22P02') : faults.shift();
    if (fault !== undefined) throw fault;
  };
  const gathered = gatheredStatements<number, number>({
    most: 3,
    keyOf: String,
    alone: async (one) => {
      send([one]);
      return one * 2;
    },
    several: async (group) => {
      send(group);
      return group.map((one) => ({ answer: one * 2 }));
    },
  });
  return { sent, ask: (...numbers: number[]) => Promise.allSettled(numbers.map((one) => gathered.do(one))) };
}
const kinds = (ends: readonly PromiseSettledResult<number>[]) =>
  ends.map((end) => (end.status === 'fulfilled' ? end.value : 'failed'));

describe('statements that do several things at once', () => {
  test('P6: what the database refuses of one is tried one by one, and only that one fails', async () => {
    const { sent, ask } = doubling();
    assert.deepEqual(kinds(await ask(1, 13, 2, 3)), [2, 'failed', 4, 6]);
    assert.deepEqual(sent, ['1 13 2', '1', '13', '2', '3']);
  });

  test('P4: a connection that was cut fails nobody, unless the next one is cut too', async () => {
    const once = doubling(cut());
    assert.deepEqual(kinds(await once.ask(1, 2)), [2, 4]);
    assert.deepEqual(once.sent, ['1 2', '1 2']);
    const twice = doubling(cut(), cut());
    assert.deepEqual(kinds(await twice.ask(1, 2, 3, 4)), Array(4).fill('failed'), 'and those that wait with them');
    assert.deepEqual(twice.sent, ['1 2 3', '1 2 3']);
  });

  test('P6: a database that takes nothing from anybody is asked once, and all fail', async () => {
    const { sent, ask } = doubling(refused('57014'));
    assert.deepEqual(kinds(await ask(1, 2, 3, 4)), Array(4).fill('failed'));
    assert.deepEqual(sent, ['1 2 3']);
    assert.deepEqual(kinds(await ask(5)), [10], 'and it goes on');
  });
});
