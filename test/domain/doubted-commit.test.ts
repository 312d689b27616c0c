import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WitnessedStoreParts } from '../../src/gateway/log/witnessed-store.ts';
import { witnessedStore } from '../../src/gateway/log/witnessed-store.ts';
import type { Change, Committed } from '../../src/ports.ts';
import { OPENED, sampleApproval } from '../support/domain/approval.ts';

const LATER = new Date(OPENED.getTime() + 60_000);
const approved = sampleApproval({ state: 'approved', revision: 2, pickupUntil: LATER });
const spends: Change = {
  ...{ id: approved.id, revision: 2, from: 'approved', to: 'dispatched', events: [] },
  patch: { leaseUntil: LATER, dispatcher: 'one', pickupUntil: LATER },
};

/** A store whose connection breaks in the middle of a commit, which is made on another one. `compared`: what is found then. */
function broken(compared: () => Promise<boolean>) {
  const commits: string[] = [];
  const told: string[] = [];
  let isCut = false;
  const parts = {
    store: {
      commit: async ({ from, to }: Change): Promise<Committed> => {
        commits.push(`${from} ${to}`);
        isCut = true;
        return { kind: 'committed', approval: { ...approved, state: to, revision: 2 + commits.length }, taken: [] };
      },
    },
    tasks: {},
    watch: {
      log: 'log_1',
      mayCommit: async () => !isCut || compared(),
      board: {
        isAway: false,
        trouble: null,
        spend: async (_: string, [pass]: readonly { approval: string }[]) => {
          told.push(pass!.approval);
          return { kind: 'recorded' };
        },
      },
    },
    clock: { now: () => OPENED },
    pickupMs: () => 60_000,
  } as unknown as WitnessedStoreParts;
  return { commits, told, commit: () => witnessedStore(parts).store.commit(spends) };
}

describe('a pass that was spent while a connection broke', () => {
  test('P2: is sent once the database that took it was compared with its witnesses', async () => {
    const { commit, commits, told } = broken(async () => true);
    assert.equal((await commit()).kind, 'committed');
    assert.deepEqual([commits, told], [['approved dispatched'], [approved.id]]);
  });

  for (const [what, compared, why] of [
    ['went back', async () => false, /an alarm stands/],
    ['cannot be compared', () => Promise.reject(new Error('away')), /could not be compared/],
  ] as const) {
    test(`P2: is not sent, and comes back, where the database ${what}`, async () => {
      const { commit, commits, told } = broken(compared);
      const made = await commit();
      assert.ok(made.kind === 'held_back' && made.approval.state === 'approved');
      assert.match(made.why, why);
      assert.deepEqual([commits, told], [['approved dispatched', 'dispatched approved'], []]);
    });
  }
});
