import type { Gateway } from '../gateway.ts';

/** Has the cards of these approvals tell of a freeze, or of none any more. Never rejects: the sweep finds what is lost. */
export async function showFreeze(
  { cards, queue, log }: Pick<Gateway, 'cards' | 'log' | 'queue'>,
  approvals: readonly string[],
): Promise<void> {
  if (cards === null) return;
  try {
    for (const [place, id] of approvals.entries()) await queue.publish(id, { turn: place + 1 });
  } catch (error) {
    log.warn({ err: error }, 'the queue could not be told of a freeze; the sweep will have the cards updated');
  }
}
