import type { Approval } from '../domain/approval/approval.ts';
import type { CardRecord } from '../ports.ts';
import { notifyCrowd } from './call/notify-crowd.ts';
import type { Gateway } from './gateway.ts';

/** So many questions a grant may take back in a minute before its next cards come later. */
const FEW = 3;
/** So many, and the channel is told. */
const MANY = 10;
/** Milliseconds that a card comes later for each question more than a few that was taken back. */
const EACH_MS = 2_000;
/** Milliseconds that a card comes later at most. */
const MOST_MS = 20_000;

/**
 * Milliseconds for which this card is not to be posted yet; 0: it may be posted now. The more questions a grant takes
 * back, the later its next ones are shown: what is taken back meanwhile never appears, and the channel gets one line
 * instead of a flood of cards that end at once. Whoever votes elsewhere is not waited for.
 */
export async function heldBackMs(
  gateway: Pick<Gateway, 'cards' | 'clock' | 'log' | 'store'>,
  approval: Approval,
  card: CardRecord | null,
): Promise<number> {
  if (card !== null || approval.state !== 'pending' || approval.decisions.length > 0) return 0;
  const ageMs = gateway.clock.now().getTime() - approval.createdAt.getTime();
  if (ageMs >= MOST_MS) return 0;
  const count = await gateway.store.takenBack(approval.grant);
  if (count > MANY) void notifyCrowd(gateway, approval, { kind: 'taken_back', count });
  return Math.max(0, Math.min(MOST_MS, (count - FEW) * EACH_MS) - ageMs);
}
