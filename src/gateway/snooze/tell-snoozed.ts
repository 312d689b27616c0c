import type { Approval } from '../../domain/approval/approval.ts';
import { judgeDecision } from '../../domain/approval/decide.ts';
import type { Gateway } from '../gateway.ts';

/**
 * Tells people of what they put aside, if it still waits for them, and forgets what is over. A message whose answer was lost may be
 * sent again a minute later.
 */
export async function tellSnoozed(
  {
    cards,
    clock,
    log,
    rules,
    snoozes,
    store,
  }: Pick<Gateway, 'cards' | 'clock' | 'log' | 'rules' | 'snoozes' | 'store'>,
  limit: number,
): Promise<void> {
  const now = clock.now();
  await snoozes.forget(now, limit);
  if (cards?.remindPerson === undefined) return;
  for (const { approval: id, person, slack } of await snoozes.due(now, limit)) {
    const found = await store.look(id);
    const waits = found !== null && waitsFor(rules, found.approval, slack, now);
    const isTold = !waits || (await cards.remindPerson(found.approval, found.card, slack));
    if (isTold) await snoozes.told(person, id);
    else log.warn({ approval: id }, 'a person could not be told yet of what they had put aside');
  }
}

/** Whether they could decide it still: who is asked no more, or has left, is told nothing. Whether they are in a group, Slack would know. */
function waitsFor(rules: Gateway['rules'], approval: Approval, slack: string, now: Date): boolean {
  const { escalate, userGroups } = approval.requirement;
  const places = approval.requirement.places ?? [];
  const groups = [userGroups, escalate?.userGroups ?? [], ...places.map((place) => place.userGroups)].flat();
  const deny = { choice: 'deny', reason: 'to be asked', fingerprint: null } as const;
  const by = { id: slack, via: 'slack', userGroups: groups } as const;
  return judgeDecision(approval, deny, by, now, rules.approvers(approval)).kind !== 'refused';
}
