import { allowanceOf } from '../../domain/allowance/allowance.ts';
import type { Approval, Approver } from '../../domain/approval/approval.ts';
import {
  judgeTakeBack,
  type TakeBackRefusal,
  type TakeBackRequest,
  takenBackNote,
} from '../../domain/approval/take-back.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Change } from '../../ports.ts';
import { aboutEvent } from '../allowance/end.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';
import { actorOf } from './actor.ts';
import { refuse } from './refuse.ts';

export type TookBack =
  /** Committed, and remembered outside the database: nothing spends the pass, whatever the database says later (decision 0041). */
  | { readonly kind: 'taken_back'; readonly approval: Approval }
  /** With the approval as it is: it may have run. */
  | { readonly kind: 'refused'; readonly reason: TakeBackRefusal; readonly approval: Approval }
  | { readonly kind: 'not_found' };

/**
 * Takes a yes back that nobody has used: approved → lapsed, with its event. Slack, the API and the console all do it
 * through this. The allowance that was given with the yes ends in the same transaction, and so does the one that the call
 * is a use of.
 *
 * | race | who wins |
 * |---|---|
 * | take-back and spending | the first commit, by the revision; the other is told the true state |
 * | take-back and the decision that gives the pass and spends it at once | the decision: there was no unspent pass |
 * | two take-backs | the first; the other is told `lapsed` |
 * | take-back, and a sending of the pass from a row that somebody put back meanwhile | the first at the witness; if it is the sending, an alarm stands and the person is refused |
 * | no witness can be written | it is committed, and told as soon as one can; throws `Unavailable('witness')`, and nothing is sent meanwhile |
 * | a pass that was given back because nothing was sent | it is approved again, and can be taken back |
 */
export async function takeBack(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'faultPoint' | 'knownInAdvance' | 'rules' | 'store' | 'storeWatch'>,
  id: string,
  request: TakeBackRequest,
  approver: Approver,
): Promise<TookBack> {
  let refusal: TakeBackRefusal | null = null;
  const end = await changeApproval(gateway.store, id, (approval) => {
    const judgement = judgeTakeBack(
      approval,
      request,
      approver,
      gateway.clock.now(),
      gateway.rules.approvers(approval),
    );
    refusal = judgement.kind === 'refused' ? judgement.reason : null;
    return judgement.kind === 'refused' ? null : takeBackChange(gateway, approval, approver, judgement.reason);
  });
  if (end.kind === 'gone') return { kind: 'not_found' };
  if (end.kind !== 'committed') {
    const reason: TakeBackRefusal = end.kind === 'put_back' ? 'not_approved' : refusal!;
    await refuse(gateway, end.known, { approver, reason, choice: 'take_back' });
    return { kind: 'refused', reason, approval: end.known };
  }
  gateway.announcer.announce(end.approval);
  if (end.change.revokes !== undefined) {
    await gateway.knownInAdvance.refreshSoon();
    await gateway.storeWatch.tellSets();
  }
  return { kind: 'taken_back', approval: end.approval };
}

function takeBackChange(
  { clock, rules }: Pick<Gateway, 'clock' | 'rules'>,
  approval: Approval,
  approver: Approver,
  reason: string | null,
): Change {
  const { id, revision, fingerprint } = approval;
  const at = clock.now();
  const note = takenBackNote({ by: approver.id, reason });
  // A caller that is away is still owed the answer that it was taken back, as it is owed a denial.
  const patch = { note, resultUntil: new Date(at.getTime() + rules.approval.pickupMs) };
  const data = { reason, via: approver.via, fingerprint };
  const events = [approvalEvent(approval, { type: 'approval.taken_back', at, actor: actorOf(approver), data })];
  const revokes = revokedWith(approval, approver, at);
  return { id, revision, from: 'approved', to: 'lapsed', promised: true, patch, events, ...(revokes && { revokes }) };
}

/** null: nothing was given in advance with this yes, and it came from nothing that was. */
function revokedWith(approval: Approval, approver: Approver, at: Date): Change['revokes'] | null {
  const allowance = allowanceOf(approval);
  if (allowance === null && approval.decisions.every(({ offers }) => offers === undefined)) return null;
  return {
    allowance,
    at,
    by: approver.id,
    event: (it) =>
      aboutEvent(it, 'allowance.ended', at, actorOf(approver), {
        allowance: it.id,
        why: 'revoked',
        used: it.used,
        of: it.bounds.calls,
        via: approver.via,
        takenBack: approval.id,
      }),
  };
}
