import type { Approval } from '../../domain/approval.ts';
import type { CardRecord } from '../../ports.ts';
import type { CardPlace } from '../card/modals.ts';
import { channelFor, onlyApprover, type Routing } from './routing.ts';

/**
 * Whether a click came from the approval's own card.
 *
 * | what is stored | the click's message | |
 * |---|---|---|
 * | channel and ts | the same | card |
 * | channel and ts | any other | elsewhere |
 * | no ts: the post's answer was lost or is still on its way | in the channel the card goes to | adopt |
 */
export function placeOfClick(
  routing: Routing,
  approval: Approval,
  stored: CardRecord | null,
  from: CardPlace,
): 'card' | 'adopt' | 'elsewhere' {
  if (stored?.ts) return stored.channel === from.channel && stored.ts === from.ts ? 'card' : 'elsewhere';
  const channel = stored?.channel || channelFor(routing, approval);
  const direct = onlyApprover(routing, approval) !== null && from.channel.startsWith('D');
  return from.channel === channel || direct ? 'adopt' : 'elsewhere';
}
