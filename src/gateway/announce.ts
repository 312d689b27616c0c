import type { Approval } from '../domain/approval.ts';
import type { Setting } from './setting.ts';

/**
 * Tells everybody who waits for this approval that it changed, and has its card rewritten. Called after the commit,
 * never before, and never awaited by what must answer soon. A queue that does not answer costs time, not truth: each
 * replica re-reads its held calls every 2 s, and the sweep posts what is missing.
 */
export async function announce(setting: Setting, approval: Approval): Promise<void> {
  setting.ring(approval);
  try {
    await Promise.all([
      // A pending one stays parked: a vote short of the quorum wakes nobody.
      approval.state === 'pending' ? undefined : setting.queue.wake(approval.id),
      setting.cards === null ? undefined : setting.queue.publish(approval.id),
    ]);
  } catch (error) {
    setting.log.warn({ approval: approval.id, err: error }, 'the queue did not take the news; the sweep will');
  }
}
