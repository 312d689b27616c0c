import type { Approval, Approver, Choice } from '../../domain/approval/approval.ts';
import type { ArgumentFault } from '../../domain/approval/argument-fault.ts';
import { judgeCounter } from '../../domain/approval/counter.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { type DecisionRequest, judgeDecision as judge } from '../../domain/approval/decide.ts';
import type { SeenCard } from '../../domain/approval/seen-card.ts';
import { judgeTakeBack, type TakeBackRequest } from '../../domain/approval/take-back.ts';
import { isObject, type JsonObject } from '../../domain/json/json.ts';
import type { AllowedBounds } from '../../domain/policy/allowance-rule.ts';
import { argumentForm, argumentsTyped } from '../../domain/tool/argument-form.ts';
import type { Countered, CounterRequest } from '../../gateway/counter/propose.ts';
import type { Decided, SeenApproval } from '../../gateway/decision/decide.ts';
import type { TookBack } from '../../gateway/decision/take-back.ts';
import type { Snoozed } from '../../gateway/snooze/snooze.ts';
import type { Clock } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import { allowButtons, allowView, boundsSoFar, boundsTyped, offeredBy } from '../card/allow-view.ts';
import { actions } from '../card/block-kit.ts';
import { cardFits, cardIsComplete } from '../card/card.ts';
import { blockOfFault, type CounterFields, counterView } from '../card/counter-view.ts';
import { denyView, fullView, pageCount, REASON_INPUT, takeBackView } from '../card/modals.ts';
import type { Clicker } from '../people/clicker.ts';
import type { AdmissionTerms, Admitted, RecordRefusal } from './admit.ts';
import { type BatchUse, openBatch, submitBatch } from './batch.ts';
import type { Intent } from './intent.ts';
import type { ClickOutcome } from './outcome.ts';

/** Denying with another call. */
export interface CounterActs {
  /** The input schema of the approval's tool; null: it is not known, or not soon enough for a form. */
  schema(approval: Approval): Promise<JsonObject | null>;
  /** Resolves once both are durable, or refused and the refusal recorded. */
  propose(id: string, request: CounterRequest, approver: Approver): Promise<Countered>;
}

export interface ActTerms {
  readonly clock: Clock;
  /** The same as for the cards. */
  readonly publicUrl?: string | null | undefined;
  /** Resolves once the decision is durable, or refused and the refusal recorded. */
  decide(id: string, request: DecisionRequest, approver: Approver, seen: SeenApproval | null): Promise<Decided>;
  /** Resolves once the yes is taken back, or that is refused and the refusal recorded. */
  takeBack(id: string, request: TakeBackRequest, approver: Approver): Promise<TookBack>;
  /** Ends the allowance that was given with this approval. */
  revokeAllowance(id: string, approver: Approver): Promise<'revoked' | 'not_living' | 'not_allowed'>;
  /** Puts it aside for this person alone. */
  snooze(id: string, minutes: number, approver: Approver): Promise<Snoozed>;
  /** Denies with another call; absent: nobody can here. */
  readonly counters?: CounterActs | undefined;
  /** Who may decide it by today's configuration. */
  approvers(approval: Approval): CurrentApprovers;
  readonly refused: RecordRefusal;
  /** Absent: nothing is decided together. */
  readonly batches?: BatchUse | undefined;
}

/** Does what an admitted click asks for: decides, or makes the modal in which the person decides. */
export async function act(
  terms: ActTerms & AdmissionTerms,
  intent: Intent,
  admitted: Admitted,
  who: Clicker,
): Promise<ClickOutcome> {
  const { approval, approver, from, seen } = admitted;
  switch (intent.kind) {
    case 'submit': {
      const surface = intent.choice === 'deny' ? 'deny_form' : 'full_view';
      const standing = intent.standing === null ? {} : { standing: { minutes: intent.standing } };
      const request = { ...requestOf(intent), ...standing, saw: { surface, revision: null } satisfies SeenCard };
      return terms.decide(approval.id, request, approver, seen);
    }
    case 'approve_on_card': {
      // Anybody can send a button's value, so whether the card shows everything is judged here, not by the button.
      if (admitted.inDigest || (!admitted.recalled && !cardShowsAll(terms, admitted))) {
        return openFullView(terms, intent, admitted, 0);
      }
      const request = {
        ...requestOf(intent),
        saw: { surface: 'card', revision: intent.revision } satisfies SeenCard,
      };
      return terms.decide(approval.id, request, approver, seen);
    }
    case 'open_batch':
      return openBatch(terms, intent, admitted, who);
    case 'submit_batch':
      return submitBatch(terms, intent, admitted, who);
    case 'open_allow_form':
      return openAllowForm(terms, intent, admitted);
    case 'allow':
      return allow(terms, intent, admitted);
    case 'revoke_allowance':
      return { kind: 'allowance', now: await terms.revokeAllowance(approval.id, approver) };
    case 'snooze':
      return terms.snooze(approval.id, intent.minutes, approver);
    case 'open_full_view':
      return openFullView(terms, intent, admitted, intent.page);
    case 'open_take_back_form':
      return (await takeBackRefusedAhead(terms, admitted)) ?? { kind: 'modal', view: takeBackView(approval, from) };
    case 'take_back': {
      const request = { reason: intent.reason, fingerprint: intent.value.fingerprint };
      const took = await terms.takeBack(approval.id, request, approver);
      return took.kind === 'refused' ? { ...took, kind: 'not_taken_back' } : took;
    }
    case 'open_counter_form':
      return openCounterForm(terms, intent, admitted);
    case 'counter':
      return counter(terms, intent, admitted);
    case 'open_deny_form':
      return (await refusalAhead(terms, intent, admitted)) ?? { kind: 'modal', view: denyView(approval, from) };
    default:
      return intent satisfies never;
  }
}

/** The person sees the whole call first: on the card, or on the last page of the full view. */
async function openAllowForm(
  terms: ActTerms,
  intent: Extract<Intent, { kind: 'open_allow_form' }>,
  admitted: Admitted,
): Promise<ClickOutcome> {
  const { approval, from } = admitted;
  const isSeen = intent.onCard ? cardShowsAll(terms, admitted) : intent.page >= pageCount(approval) - 1;
  if (!isSeen) return openFullView(terms, intent, admitted, intent.onCard ? 0 : intent.page);
  const refusal = await refusalAhead(terms, intent, admitted);
  if (refusal !== null) return refusal;
  const view = allowView(approval, from);
  return view === null ? { kind: 'refused', reason: 'no_allowance', approval } : { kind: 'modal', view };
}

/** Approves with an allowance: the bounds that were typed, or those of the votes that the modal was about. */
async function allow(
  terms: ActTerms,
  { votes, fields, value }: Extract<Intent, { kind: 'allow' }>,
  { approval, approver, seen }: Admitted,
): Promise<ClickOutcome> {
  const request = {
    choice: 'approve',
    reason: null,
    fingerprint: value.fingerprint,
    saw: { surface: 'allow_form', revision: null },
  } as const;
  const offered = offeredBy(approval);
  // What cannot be allowed any more is refused with the true state.
  if (offered === null) return terms.decide(approval.id, { ...request, allowance: NO_BOUNDS }, approver, seen);
  if (approval.decisions.length !== votes) return { kind: 'votes_changed' };
  const earlier = boundsSoFar(approval);
  if (earlier !== null) return terms.decide(approval.id, { ...request, allowance: earlier }, approver, seen);
  const typed = boundsTyped(offered, fields);
  if ('errors' in typed) return { kind: 'wrong_fields', errors: typed.errors };
  return terms.decide(approval.id, { ...request, allowance: typed.bounds }, approver, seen);
}

async function openCounterForm(terms: ActTerms, intent: Intent, admitted: Admitted): Promise<ClickOutcome> {
  const refusal = await refusalAhead(terms, intent, admitted);
  if (refusal !== null) return refusal;
  const { approval, approver, from } = admitted;
  const reason =
    terms.counters === undefined ? 'no_counter' : judgeCounter(approval, approver, terms.approvers(approval));
  if (reason !== null) {
    await terms.refused(approval.id, approver.id, reason, 'deny');
    return { kind: 'refused', reason, approval };
  }
  const form = argumentForm((await terms.counters?.schema(approval)) ?? null, shownArguments(approval));
  return { kind: 'modal', view: counterView(approval, from, form, isSeenWithForm(terms, admitted)) };
}

/** Denies with the call that was typed; what is wrong with it stands at its field. */
async function counter(
  terms: ActTerms,
  { typed, reason, value }: Extract<Intent, { kind: 'counter' }>,
  admitted: Admitted,
): Promise<ClickOutcome> {
  const { counters, decide } = terms;
  const { approval, approver, seen } = admitted;
  const saw = { surface: 'counter_form', revision: null } as const;
  const word = { reason, fingerprint: value.fingerprint, saw };
  // What cannot be decided any more is refused with the true state, whatever was typed.
  if (counters === undefined || approval.state !== 'pending') {
    return decide(approval.id, { ...word, choice: 'deny' }, approver, seen);
  }
  const read = argumentsTyped(shownArguments(approval), typed.fields, typed.json);
  if (read.kind === 'wrong') {
    return wrongFields(
      read.faults.map(({ name, why }) => ({ path: name ?? '', why })),
      typed,
    );
  }
  const request = { ...word, counter: read.args, unseen: !isSeenWithForm(terms, admitted) };
  const countered = await counters.propose(approval.id, request, approver);
  if (countered.kind !== 'refused' || countered.reason !== 'bad_counter') return countered;
  const faults = countered.faults ?? [{ path: '', why: countered.why ?? 'What you propose cannot be opened.' }];
  return wrongFields(faults, typed);
}

/** Whether the card shows all of the call (P10): a digest shows nothing in full. */
function cardShowsAll({ publicUrl = null }: ActTerms, { approval, inDigest }: Admitted): boolean {
  return !inDigest && cardIsComplete(approval, { publicUrl });
}

/** Whether the card and the form of a counter-proposal show all of the call; the form warns of what is hidden. */
function isSeenWithForm({ publicUrl = null }: ActTerms, { approval, inDigest }: Admitted): boolean {
  return !inDigest && cardFits(approval, { publicUrl });
}

function wrongFields(faults: readonly ArgumentFault[], typed: CounterFields): ClickOutcome {
  const errors: Record<string, string> = {};
  for (const { path, why } of faults) {
    const block = blockOfFault(path, typed, REASON_INPUT.block);
    const isHere = path === '' || block.endsWith(`.${path}`);
    errors[block] ??= cut(isHere ? why : `${path}: ${why}`, LONGEST_ERROR);
  }
  return { kind: 'wrong_fields', errors };
}

/** Characters of what stands at a field. */
const LONGEST_ERROR = 300;

function shownArguments({ arguments: args }: Approval): JsonObject {
  return isObject(args) ? args : {};
}

const NO_BOUNDS: AllowedBounds = { minutes: 1, calls: 1, within: [], says: [] };

async function openFullView(terms: ActTerms, intent: Intent, admitted: Admitted, page: number): Promise<ClickOutcome> {
  const refusal = await refusalAhead(terms, intent, admitted);
  if (refusal !== null) return refusal;
  const { approval, approver, from } = admitted;
  const approve: DecisionRequest = { choice: 'approve', reason: null, fingerprint: approval.fingerprint };
  const mayApprove =
    judge(approval, approve, approver, terms.clock.now(), terms.approvers(approval)).kind === 'recorded';
  return { kind: 'modal', view: fullView(approval, from, page, mayApprove, allowRow(approval)) };
}

function allowRow(approval: Approval) {
  const buttons = allowButtons(approval);
  return buttons.length === 0 ? [] : [actions(buttons)];
}

/** Judges before a modal opens, so that nobody writes a reason in vain. A refusal is recorded. */
async function refusalAhead(terms: ActTerms, intent: Intent, admitted: Admitted): Promise<ClickOutcome | null> {
  const { choice, value } = intent;
  if (choice !== 'approve' && choice !== 'deny') return null;
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
