import type { Approval } from '../../domain/approval/approval.ts';
import type { Ports } from '../ports.ts';

/** Milliseconds within which approvers are told at most once that a grant has too many approvals pending. */
const WINDOW_MS = 10 * 60_000;

/**
 * Tells the approvers' channel that a grant's further calls are refused: one message per window over all replicas,
 * instead of a card for each call. Best effort: the agent was told, and the refusals are events. Never rejects.
 */
export async function notifyPendingLimit(
  { store, cards, log }: Pick<Ports, 'cards' | 'log' | 'store'>,
  call: Pick<Approval, 'grant' | 'server' | 'tool'>,
  pending: number,
): Promise<void> {
  if (cards === null) return;
  const notice = `crowded ${call.grant}`;
  try {
    if (!(await store.claimNotice(notice, WINDOW_MS))) return;
    const delivery = await cards.crowded(call, pending);
    if (delivery.kind === 'shown') return;
    log.warn({ grant: call.grant, why: delivery.why }, 'the channel was not told of a crowded grant');
    if (delivery.kind === 'later' && !delivery.ambiguous) await store.releaseNotice(notice);
  } catch (error) {
    log.warn({ grant: call.grant, err: error }, 'the channel was not told of a crowded grant');
  }
}
