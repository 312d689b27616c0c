import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { tellSnoozed } from '../../src/gateway/snooze/tell-snoozed.ts';
import { UnqueuedWork } from '../../src/gateway/state/unqueued-work.ts';
import { type SweptGateway, sweep } from '../../src/gateway/sweep.ts';
import { currentOf, OPENED, sampleApproval } from '../support/domain/approval.ts';
import { quiet } from '../support/log.ts';

/** Who is told, when this was snoozed by them and is over. */
async function toldOf(approval: Approval, slack: string, today: Parameters<typeof currentOf>[1] = {}) {
  const told: string[] = [];
  const ended: string[] = [];
  const now = new Date(OPENED.getTime() + 10 * 60_000);
  await tellSnoozed({
    cards: { remindPerson: async (_: unknown, __: unknown, user: string) => told.push(user) > 0 },
    clock: { now: () => now },
    log: quiet,
    rules: { approvers: () => currentOf(approval, today) },
    snoozes: {
      due: async () => [{ approval: approval.id, person: slack, slack, at: OPENED, until: now }],
      told: async (person: string) => void ended.push(person),
    },
    store: { look: async () => ({ approval, card: null }) },
  } as unknown as Parameters<typeof tellSnoozed>[0]);
  assert.deepEqual(ended, [slack], 'there is nothing more to tell');
  return told;
}

/** Answers every call with nothing. */
const idle = (more: object = {}): never =>
  new Proxy(more, { get: (of, name) => (name in of ? Reflect.get(of, name) : async () => []) }) as never;

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

  test('P4: a Slack that does not answer keeps no sweep from its end', async () => {
    const approval = sampleApproval();
    const asked: string[] = [];
    const none = { late: [], abandoned: [], revoked: [], parked: [], moot: [], orphaned: [], stale: [] };
    await sweep({
      allowances: idle(),
      callMemory: idle(),
      cards: idle({ remindPerson: (_: unknown, __: unknown, user: string) => new Promise(() => asked.push(user)) }),
      clock: { now: () => OPENED },
      knownInAdvance: idle({ allowances: [] }),
      log: quiet,
      erasures: idle({ renew: async () => 0 }),
      oversight: idle({ count: async () => 0 }),
      queue: idle(),
      rules: idle({ approvers: () => currentOf(approval) }),
      sampleKeeper: idle(),
      snoozes: idle({ due: async () => [{ approval: approval.id, person: 'U0MIRA', slack: 'U0MIRA' }] }),
      store: idle({
        overdue: async () => none,
        look: async () => ({ approval, card: null }),
        claimNotice: async () => false,
      }),
      unqueued: new UnqueuedWork(quiet),
    } as unknown as SweptGateway);
    assert.deepEqual(asked, ['U0MIRA']);
  });
});
