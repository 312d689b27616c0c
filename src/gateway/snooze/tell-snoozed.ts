import type { Approval } from '../../domain/approval/approval.ts';
import { judgeDecision } from '../../domain/approval/decide.ts';
import type { Gateway } from '../gateway.ts';

/** Told one after the other: with each request to Slack at its time-out, no longer than the store gives a row to one replica. */
const AT_ONCE = 4;

/**
 * Tells people of what they put aside, if it still waits for them. A message whose answer was lost may be sent again a
 * minute later. Slack may be slow, so nothing is to wait for this.
 */
export async function tellSnoozed({
  cards,
  clock,
  log,
  rules,
  snoozes,
  store,
}: Pick<Gateway, 'cards' | 'clock' | 'log' | 'rules' | 'snoozes' | 'store'>): Promise<void> {
  if (cards?.remindPerson === undefined) return;
  for (let found = AT_ONCE; found === AT_ONCE; ) {
    const due = await snoozes.due(clock.now(), AT_ONCE);
    found = due.length;
    for (const { approval: id, person, slack } of due) {
      const looked = await store.look(id);
      const waits = looked !== null && waitsFor(rules, looked.approval, slack, clock.now());
      const isTold = !waits || (await cards.remindPerson(looked.approval, looked.card, slack));
      if (isTold) await snoozes.told(person, id);
      else log.warn({ approval: id }, 'a person could not be told yet of what they had put aside');
    }
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
