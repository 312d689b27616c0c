import type { Approval } from '../../domain/approval/approval.ts';
import type { Crowd } from '../../ports.ts';
import type { Ports } from '../ports.ts';

/** Milliseconds within which approvers are told at most once of the same about a grant. */
const WINDOW_MS = 10 * 60_000;

/**
 * Tells the approvers' channel that a grant's further calls are refused, or that it takes its questions back: one line
 * per window over all replicas, instead of a card for each call. Best effort: the agent was told, and the refusals are
 * events. Never rejects.
 */
export async function notifyCrowd(
  { store, cards, log }: Pick<Ports, 'cards' | 'log' | 'store'>,
  call: Pick<Approval, 'grant' | 'server' | 'tool'>,
  crowd: Crowd,
): Promise<void> {
  if (cards === null) return;
  const notice = crowd.kind === 'pending' ? `crowded ${call.grant}` : `crowded ${call.grant} by ${crowd.kind}`;
  try {
    if (!(await store.claimNotice(notice, WINDOW_MS))) return;
    const delivery = await cards.crowded(call, crowd);
    if (delivery.kind === 'shown') return;
    log.warn({ grant: call.grant, why: delivery.why }, 'the channel was not told of a crowded grant');
    if (delivery.kind === 'later' && !delivery.ambiguous) await store.releaseNotice(notice);
  } catch (error) {
    log.warn({ grant: call.grant, err: error }, 'the channel was not told of a crowded grant');
  }
}
