import { withdrawAbandoned } from './call/withdraw.ts';
import { due } from './decision/due.ts';
import { endRevoked } from './decision/end-revoked.ts';
import { remind } from './decision/remind.ts';
import { endLeg } from './dispatch/leg.ts';
import type { Gateway } from './gateway.ts';

/** How many of each kind one sweep handles; the next one comes in 5 s. */
const AT_ONCE = 500;

/**
 * Compares SQL with the queue and Slack, and repairs the differences: ends approvals that are overdue or that nobody
 * wants any more or whose grant was revoked, reminds silent approvers, parks what is missing in the queue, and updates cards that show an old
 * revision. Two sweeps at once do no harm: every step is idempotent or a compare-and-swap.
 */
export async function sweep(
  gateway: Pick<Gateway, 'announcer' | 'cards' | 'clock' | 'leases' | 'queue' | 'rules' | 'store'>,
): Promise<void> {
  const { store, queue, clock, cards } = gateway;
  const { late, abandoned, revoked, parked, moot, orphaned, stale } = await store.overdue(clock.now(), AT_ONCE);
  for (const approval of late) await due(gateway, approval.id);
  for (const approval of abandoned) {
    await withdrawAbandoned(gateway, approval, { grant: null, requestId: '', reason: null });
  }
  for (const approval of revoked) await endRevoked(gateway, approval);
  for (const leg of moot) await endLeg(gateway, leg, 'moot');
  for (const leg of orphaned) await endLeg(gateway, leg, 'orphaned');
  if (cards !== null)
    for (const approval of await store.unreminded(clock.now(), AT_ONCE)) await remind(gateway, approval);
  const missing = new Set(await queue.missing(parked.map(({ id }) => id)));
  for (const { id, expiresAt } of parked) if (missing.has(id)) await queue.park(id, expiresAt);
  // In the store's order, in which grants take turns.
  if (cards !== null) for (const [place, id] of stale.entries()) await queue.publish(id, { turn: place + 1 });
  await store.forget(clock.now());
}
