import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { tellSnoozed } from '../../src/gateway/snooze/tell-snoozed.ts';
import { currentOf, OPENED, sampleApproval } from '../support/domain/approval.ts';
import { quiet } from '../support/log.ts';

/** Who is told, when this was snoozed by them and is over. */
async function toldOf(approval: Approval, slack: string, today: Parameters<typeof currentOf>[1] = {}) {
  const told: string[] = [];
  const ended: string[] = [];
  const now = new Date(OPENED.getTime() + 10 * 60_000);
  await tellSnoozed(
    {
      cards: { remindPerson: async (_: unknown, __: unknown, user: string) => told.push(user) > 0 },
      clock: { now: () => now },
      log: quiet,
      rules: { approvers: () => currentOf(approval, today) },
      snoozes: {
        forget: async () => {},
        due: async () => [{ approval: approval.id, person: slack, slack, at: OPENED, until: now }],
        told: async (person: string) => void ended.push(person),
      },
      store: { look: async () => ({ approval, card: null }) },
    } as unknown as Parameters<typeof tellSnoozed>[0],
    10,
  );
  assert.deepEqual(ended, [slack], 'there is nothing more to tell');
  return told;
}

describe('What somebody put aside', () => {
  test('is told of to whom it still waits for, members of a user group among them', async () => {
    assert.deepEqual(await toldOf(sampleApproval(), 'U0MIRA'), ['U0MIRA']);
    const grouped = sampleApproval({ requirement: { people: [], userGroups: ['S0SECURITY'] } });
    assert.deepEqual(await toldOf(grouped, 'U0NINA'), ['U0NINA']);
    assert.deepEqual(await toldOf(sampleApproval(), 'U0SAM'), ['U0SAM'], 'an owner may deny');
  });

  test('P8: is not told of to somebody whom the configuration does not ask any more', async () => {
    assert.deepEqual(await toldOf(sampleApproval(), 'U0MIRA', { people: ['U0ALEX'] }), []);
    assert.deepEqual(await toldOf(sampleApproval({ state: 'denied' }), 'U0MIRA'), []);
  });
});
