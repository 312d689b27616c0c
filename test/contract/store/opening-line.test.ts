import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Kysely } from 'kysely';
import { NO_SUBJECT } from '../../../src/domain/log/event.ts';
import type { NewApproval, Opened } from '../../../src/ports.ts';
import { OpeningGroups } from '../../../src/sql/approval/opening-groups.ts';
import { isAboutOne } from '../../../src/sql/connection/about-one.ts';
import type { Tables } from '../../../src/sql/table/tables.ts';
import { ROOM } from '../../support/domain/room.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { newApproval, newJoiner } from '../../support/store/world.ts';

/** A database of which each transaction ends as `transaction` says. No real one fails so exactly. */
class FailingDatabase {
  transactions = 0;
  readonly openings: OpeningGroups;

  constructor(transaction: () => Promise<never>) {
    const execute = (): Promise<never> => {
      this.transactions += 1;
      return transaction();
    };
    this.openings = new OpeningGroups({ transaction: () => ({ execute }) } as unknown as Kysely<Tables>, TEST_SEALS);
  }

  open(request: NewApproval): Promise<Opened> {
    const about = { approval: request.approval.id, actor: `grant:${request.approval.grant}` };
    const event = { ...NO_SUBJECT, ...about, type: 'approval.requested', at: new Date(), data: {} } as const;
    return this.openings.open(request, newJoiner(), ROOM, event);
  }
}

const fault = (code: string, severity?: string): Error =>
  Object.assign(new Error(code), { code, ...(severity && { severity }) });
const calls = (count: number, request?: Uint8Array): NewApproval[] =>
  Array.from({ length: count }, () => ({ ...newApproval({ grant: 'g' }), ...(request && { request }) }));
const never = (): Promise<never> => new Promise(() => {});

describe('the line of one grant’s calls', () => {
  for (const code of ['ETIMEDOUT', 'EPIPE', 'E2BIG', '57P01', '55P03']) {
    test(`P6: at ${code} all that wait fail with whoever had the turn`, async () => {
      const database = new FailingDatabase(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw fault(code, /^\d/.test(code) ? 'ERROR' : undefined);
      });
      const results = await Promise.allSettled(calls(300).map((one) => database.open(one)));
      assert.ok(results.every(({ status }) => status === 'rejected'));
      assert.equal(database.transactions, 1);
    });
  }

  test('P5: no more calls of one grant wait than the bound, and the others are told', async () => {
    const database = new FailingDatabase(never);
    const told: Opened[] = [];
    for (const one of calls(2_010)) void database.open(one).then((opened) => told.push(opened));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(told, Array(9).fill({ kind: 'overjoined', of: 'grant', most: 2_000 }));
  });

  test('P5: nor more bytes, and those of another grant are not counted', async () => {
    const database = new FailingDatabase(never);
    const told: Opened[] = [];
    const mebibyte = new Uint8Array(1024 * 1024);
    for (const one of calls(66, mebibyte)) void database.open(one).then((opened) => told.push(opened));
    void database.open(newApproval({ grant: 'other' })).then((opened) => told.push(opened));
    await new Promise((resolve) => setImmediate(resolve));
    const most = 64 * 1024 * 1024;
    assert.deepEqual(told, [{ kind: 'heavy', kept: most, asked: mebibyte.byteLength, most }]);
  });

  test('what only the server says may be about one call', () => {
    const table: [string, string | undefined, boolean][] = [
      ['22021', 'ERROR', true],
      ['23505', 'ERROR', true],
      ['P0001', 'ERROR', true],
      ['22021', undefined, false],
      ['EPIPE', undefined, false],
      ['EBUSY', undefined, false],
      ['53300', 'FATAL', false],
      ['57014', 'ERROR', false],
      ['55P03', 'ERROR', false],
      ['25006', 'ERROR', false],
    ];
    for (const [code, severity, isOne] of table) assert.equal(isAboutOne(fault(code, severity)), isOne, code);
    for (const nothing of [null, undefined, 'x', {}]) assert.equal(isAboutOne(nothing), false);
  });
});
