import type { Approval, Approver, Choice } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { type DecisionRequest, judgeDecision as judge } from '../../domain/approval/decide.ts';
import type { SeenCard } from '../../domain/approval/seen-card.ts';
import { judgeTakeBack, type TakeBackRequest } from '../../domain/approval/take-back.ts';
import type { Decided, SeenApproval } from '../../gateway/decision/decide.ts';
import type { TookBack } from '../../gateway/decision/take-back.ts';
import type { Clock } from '../../ports.ts';
import { cardIsComplete } from '../card/card.ts';
import { denyView, fullView, takeBackView } from '../card/modals.ts';
import type { Admitted, RecordRefusal } from './admit.ts';
import type { Intent } from './intent.ts';
import type { ClickOutcome } from './outcome.ts';

export interface ActTerms {
  readonly clock: Clock;
  /** The same as for the cards. */
  readonly publicUrl?: string | null | undefined;
  /** Resolves once the decision is durable, or refused and the refusal recorded. */
  decide(id: string, request: DecisionRequest, approver: Approver, seen: SeenApproval | null): Promise<Decided>;
  /** Resolves once the yes is taken back, or that is refused and the refusal recorded. */
  takeBack(id: string, request: TakeBackRequest, approver: Approver): Promise<TookBack>;
  /** Who may decide it by today's configuration. */
  approvers(approval: Approval): CurrentApprovers;
  readonly refused: RecordRefusal;
}

/** Does what an admitted click asks for: decides, or makes the modal in which the person decides. */
export async function act(terms: ActTerms, intent: Intent, admitted: Admitted): Promise<ClickOutcome> {
  const { approval, approver, from, seen } = admitted;
  switch (intent.kind) {
    case 'submit': {
      const surface = intent.choice === 'deny' ? 'deny_form' : 'full_view';
      const request = { ...requestOf(intent), saw: { surface, revision: null } satisfies SeenCard };
      return terms.decide(approval.id, request, approver, seen);
    }
    case 'approve_on_card': {
      // Anybody can send a button's value, so whether the card shows everything is judged here, not by the button.
      if (!admitted.recalled && !cardIsComplete(approval, { publicUrl: terms.publicUrl ?? null })) {
        return openFullView(terms, intent, admitted, 0);
      }
      const request = {
        ...requestOf(intent),
        saw: { surface: 'card', revision: intent.revision } satisfies SeenCard,
      };
      return terms.decide(approval.id, request, approver, seen);
    }
    case 'open_full_view':
      return openFullView(terms, intent, admitted, intent.page);
    case 'open_take_back_form':
      return (await takeBackRefusedAhead(terms, admitted)) ?? { kind: 'modal', view: takeBackView(approval, from) };
    case 'take_back': {
      const request = { reason: intent.reason, fingerprint: intent.value.fingerprint };
      const took = await terms.takeBack(approval.id, request, approver);
      return took.kind === 'refused' ? { ...took, kind: 'not_taken_back' } : took;
    }
    case 'open_deny_form':
      return (await refusalAhead(terms, intent, admitted)) ?? { kind: 'modal', view: denyView(approval, from) };
    default:
      return intent satisfies never;
  }
}

async function openFullView(terms: ActTerms, intent: Intent, admitted: Admitted, page: number): Promise<ClickOutcome> {
  const refusal = await refusalAhead(terms, intent, admitted);
  if (refusal !== null) return refusal;
  const { approval, approver, from } = admitted;
  const approve: DecisionRequest = { choice: 'approve', reason: null, fingerprint: approval.fingerprint };
  const mayApprove =
    judge(approval, approve, approver, terms.clock.now(), terms.approvers(approval)).kind === 'recorded';
  return { kind: 'modal', view: fullView(approval, from, page, mayApprove) };
}

/** Judges before a modal opens, so that nobody writes a reason in vain. A refusal is recorded. */
async function refusalAhead(terms: ActTerms, intent: Intent, admitted: Admitted): Promise<ClickOutcome | null> {
  const { choice, value } = intent;
  if (choice === 'details' || choice === 'take_back') return null;
  const { approval, approver } = admitted;
  const request: DecisionRequest = { choice, reason: 'to be asked', fingerprint: value.fingerprint };
  const judgement = judge(approval, request, approver, terms.clock.now(), terms.approvers(approval));
  if (judgement.kind !== 'refused') return null;
  await terms.refused(approval.id, approver.id, judgement.reason, choice);
  return { kind: 'refused', reason: judgement.reason, approval };
}

/** The same before the form to take a yes back opens. */
async function takeBackRefusedAhead(terms: ActTerms, admitted: Admitted): Promise<ClickOutcome | null> {
  const { approval, approver } = admitted;
  const request = { reason: 'to be asked', fingerprint: null };
  const judgement = judgeTakeBack(approval, request, approver, terms.clock.now(), terms.approvers(approval));
  if (judgement.kind === 'taken_back') return null;
  await terms.refused(approval.id, approver.id, judgement.reason, 'take_back');
  return { kind: 'not_taken_back', reason: judgement.reason, approval };
}

function requestOf(intent: Intent & { readonly choice: Choice }): DecisionRequest {
  const reason = intent.kind === 'submit' ? intent.reason : null;
  return { choice: intent.choice, reason, fingerprint: intent.value.fingerprint };
}
