import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellUntoldEnds } from '../../src/gateway/log/untold-ends.ts';
import { WitnessBoard } from '../../src/gateway/log/witness-board.ts';
import { sampleApproval } from '../support/domain/approval.ts';
import { quiet } from '../support/log.ts';

test('P2: ends that cannot be believed, of a secret that was taken out, are looked at once and keep no other from being told', async () => {
  const board = new WitnessBoard([], quiet);
  const retired = Array.from({ length: 450 }, (_, nth) => `ap_retired_${nth}`);
  const ids = [...retired, 'ap_good'];
  let looked = 0;
  const store = {
    endedEarly: async () => ids,
    find: async (id: string) => {
      looked += 1;
      return {
        ...sampleApproval(),
        id,
        state: 'denied' as const,
        broken: id === 'ap_good' ? null : ('secret' as const),
      };
    },
  };
  const terms = { clock: { now: () => new Date() }, pickupMs: () => 60_000, store, board };
  const left = new Map<string, number>();
  for (let comparison = 0; comparison < 3; comparison += 1) await tellUntoldEnds(terms, 'log_one', left);
  assert.equal(board.hasEnded('ap_good'), true);
  const before = looked;
  await tellUntoldEnds(terms, 'log_one', left);
  assert.deepEqual([before, looked], [ids.length, ids.length]);
});
