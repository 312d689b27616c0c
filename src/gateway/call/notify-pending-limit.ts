import type { Approval } from '../../domain/approval/approval.ts';
import type { Ports } from '../ports.ts';

/** Milliseconds in which approvers are told once that a grant asks for more than it may. */
const WINDOW_MS = 10 * 60_000;

/**
 * Tells the approvers' channel that a grant's further calls are refused: one line a window over all replicas, where
 * there would be twenty cards. Best effort: the agent was told, the refusals are events. Never rejects.
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
    const told = await cards.crowded(call, pending);
    if (told.kind === 'shown') return;
    log.warn({ grant: call.grant, why: told.why }, 'the channel was not told of a crowded grant');
    if (told.kind === 'later' && !told.ambiguous) await store.releaseNotice(notice);
  } catch (error) {
    log.warn({ grant: call.grant, err: error }, 'the channel was not told of a crowded grant');
  }
}
