import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { triedBy, trying } from '../../src/gateway/state/spending-now.ts';

const store = () => ({ commit: () => Promise.reject(new Error('nobody commits here')) });
const approval = { id: 'ap_1' } as Approval;

describe('P2: callers of one process that want to spend the same pass', () => {
  test('wait for the one that tries, and hear how the approval is then', async () => {
    const here = store();
    const end = Promise.withResolvers<string>();
    const first = trying(
      here,
      'ap_1',
      () => end.promise,
      () => approval,
    );
    const heard = triedBy(here, 'ap_1');
    assert.notEqual(heard, undefined, 'from the moment of the try on');
    assert.equal(triedBy(here, 'ap_2'), undefined, 'another approval is another matter');
    assert.equal(triedBy(store(), 'ap_1'), undefined, 'so is another store');
    end.resolve('sent');
    assert.equal(await first, 'sent');
    assert.equal(await heard, approval);
    assert.equal(triedBy(here, 'ap_1'), undefined, 'nobody tries any more');
  });

  test('a try that fails keeps nobody waiting, and is told to the one who made it alone', async () => {
    const here = store();
    const failing = trying(
      here,
      'ap_1',
      () => Promise.reject(new Error('the database is away')),
      () => approval,
    );
    const heard = triedBy(here, 'ap_1');
    await assert.rejects(failing, /the database is away/);
    assert.equal(await heard, null);
    assert.equal(triedBy(here, 'ap_1'), undefined);
  });
});
