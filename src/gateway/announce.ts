import type { Approval } from '../domain/approval.ts';
import type { Setting } from './setting.ts';

/**
 * Tells everybody who waits for this approval that it changed, and has its card rewritten. Called after the commit,
 * never before. A queue that does not answer costs time, not truth: each replica re-reads its held calls every 2 s,
 * and the sweep posts what is missing.
 */
export async function announce(setting: Setting, approval: Approval): Promise<void> {
  setting.ring(approval.id);
  try {
    await Promise.all([setting.queue.wake(approval.id), setting.queue.publish(approval.id)]);
  } catch (error) {
    setting.log.warn({ approval: approval.id, err: error }, 'the queue did not take the news; the sweep will');
  }
}
