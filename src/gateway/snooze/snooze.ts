import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { personOf } from '../../domain/approval/current.ts';
import { judgeDecision, type RefusalReason } from '../../domain/approval/decide.ts';
import { snoozeUntil } from '../../domain/approval/snooze.ts';
import { isSlackId } from '../../domain/people/actor.ts';
import type { Gateway } from '../gateway.ts';

/** What became of it. `expires_before`: it would be over before it comes back. `too_many`: this person has as many as they may. */
export type Snoozed =
  | { readonly kind: 'snoozed'; readonly approval: Approval; readonly until: Date; readonly tells: boolean }
  | {
      readonly kind: 'not_snoozed';
      readonly reason: RefusalReason | 'expires_before' | 'too_many';
      readonly approval: Approval;
    }
  | { readonly kind: 'not_found' };

/**
 * Puts a question aside for the person who asks, for so many minutes: it is hidden from them until then, and they are told if
 * it still waits. Nothing of the approval changes, nor what anybody else sees; reminders and escalation go on. Only for
 * whom it could wait: who may approve or deny it now.
 */
export async function snooze(
  { clock, rules, snoozes, store }: Pick<Gateway, 'clock' | 'rules' | 'snoozes' | 'store'>,
  id: string,
  minutes: number,
  approver: Approver,
): Promise<Snoozed> {
  const approval = await store.find(id);
  if (approval === null) return { kind: 'not_found' };
  const now = clock.now();
  const deny = { choice: 'deny', reason: 'to be asked', fingerprint: null } as const;
  const judged = judgeDecision(approval, deny, approver, now, rules.approvers(approval));
  if (judged.kind === 'refused') return { kind: 'not_snoozed', reason: judged.reason, approval };
  const until = snoozeUntil(approval, minutes, now);
  if (until === null) return { kind: 'not_snoozed', reason: 'expires_before', approval };
  const slack = slackOf(approver.id, rules.persons().names);
  const person = personOf(rules.persons(), approver.id);
  const isSet = await snoozes.set({ approval: id, person, slack, at: now, until }, now);
  if (!isSet) return { kind: 'not_snoozed', reason: 'too_many', approval };
  return { kind: 'snoozed', approval, until, tells: slack !== null };
}

/** The person's Slack id, by whichever way they came; null: they have none. */
function slackOf(id: string, names: ReadonlyMap<string, string>): string | null {
  if (isSlackId(id)) return id;
  const person = names.get(id);
  const other = [...names].find(([way, name]) => name === person && isSlackId(way));
  return person === undefined || other === undefined ? null : other[0];
}

/** Takes it back. false: there was none. */
export function endSnooze(
  { clock, rules, snoozes }: Pick<Gateway, 'clock' | 'rules' | 'snoozes'>,
  id: string,
  approver: Pick<Approver, 'id'>,
): Promise<boolean> {
  return snoozes.end(personOf(rules.persons(), approver.id), id, clock.now());
}
