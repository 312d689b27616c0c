import type { Gateway } from '../gateway.ts';

/**
 * Tells people of what they put aside, if it still waits, and forgets what is over. A message whose answer was lost may be
 * sent again a minute later.
 */
export async function tellSnoozed(
  { cards, clock, log, snoozes, store }: Pick<Gateway, 'cards' | 'clock' | 'log' | 'snoozes' | 'store'>,
  limit: number,
): Promise<void> {
  const now = clock.now();
  await snoozes.forget(now, limit);
  if (cards?.remindPerson === undefined) return;
  for (const { approval: id, person, slack } of await snoozes.due(now, limit)) {
    const found = await store.look(id);
    const waits = found !== null && found.approval.state === 'pending' && now < found.approval.expiresAt;
    const isTold = !waits || (await cards.remindPerson(found.approval, found.card, slack));
    if (isTold) await snoozes.told(person, id);
    else log.warn({ approval: id }, 'a person could not be told yet of what they had put aside');
  }
}
