import type { Approval } from '../../domain/approval/approval.ts';
import type { CardRecord } from '../../ports.ts';
import { channelFor, onlyApprover, type Routing } from './routing.ts';

/** The message that a card is, by its channel and timestamp. */
export interface CardPlace {
  readonly channel: string;
  readonly ts: string;
}

/**
 * Whether a click came from the approval's own card.
 *
 * | what is stored | the clicked message | result |
 * |---|---|---|
 * | channel and ts | the same | card |
 * | channel and ts | any other | elsewhere |
 * | no ts: the post's answer was lost or is still on its way | in the channel that the card goes to, or in the fallback | adopt |
 * | no ts | in any other channel | elsewhere |
 */
export function placeOfClick(
  routing: Routing,
  approval: Approval,
  stored: CardRecord | null,
  clicked: CardPlace,
): 'card' | 'adopt' | 'elsewhere' {
  if (stored?.ts) return stored.channel === clicked.channel && stored.ts === clicked.ts ? 'card' : 'elsewhere';
  const channel = stored?.channel || channelFor(routing, approval);
  const isDirect = onlyApprover(routing, approval) !== null && clicked.channel.startsWith('D');
  const isFallback = !stored?.channel && clicked.channel === routing.fallback;
  return clicked.channel === channel || isFallback || isDirect ? 'adopt' : 'elsewhere';
}
