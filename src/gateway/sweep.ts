import { withdrawAbandoned } from './call/withdraw.ts';
import { due } from './decision/due.ts';
import { remind } from './decision/remind.ts';
import type { Gateway } from './gateway.ts';

/** How many of each kind one sweep mends; the next one comes in 5 s. */
const AT_ONCE = 500;

/**
 * Compares what SQL says with what the queue and Slack show, and mends the difference: what is past its time or wanted
 * by nobody ends, approvers who are silent are reminded, what should be parked is parked, a card that does not show its
 * revision is brought up to date. Running it twice at once does no harm: every step is a compare-and-swap or idempotent.
 */
export async function sweep(
  gateway: Pick<Gateway, 'announcer' | 'cards' | 'clock' | 'queue' | 'rules' | 'store'>,
): Promise<void> {
  const { store, queue, clock, cards } = gateway;
  const { late, abandoned, parked, stale } = await store.overdue(clock.now(), AT_ONCE);
  for (const approval of late) await due(gateway, approval.id);
  for (const approval of abandoned) {
    await withdrawAbandoned(gateway, approval, { grant: null, requestId: '', reason: null });
  }
  if (cards !== null) for (const one of await store.unreminded(clock.now(), AT_ONCE)) await remind(gateway, one);
  const lost = new Set(await queue.missing(parked.map((one) => one.id)));
  for (const one of parked) if (lost.has(one.id)) await queue.park(one.id, one.expiresAt);
  if (cards !== null) for (const id of stale) await queue.publish(id);
  await store.forget(clock.now());
}
