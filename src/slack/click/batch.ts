import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { type DecisionRequest, judgeDecision } from '../../domain/approval/decide.ts';
import type { BatchItem, InTheWay, TogetherWord } from '../../domain/approval/together.ts';
import type { CardedCall } from '../../gateway/card-digest.ts';
import type { ApproverFor, DecidedTogether } from '../../gateway/decision/decide-together.ts';
import type { Clock } from '../../ports.ts';
import { aloneBecause, type BatchCall, batchView, fitsTogether } from '../card/batch-view.ts';
import { codeSpan } from '../card/escape.ts';
import type { Clicker } from '../people/clicker.ts';
import { identify } from '../people/identity.ts';
import type { AdmissionTerms, Admitted } from './admit.ts';
import type { Intent } from './intent.ts';
import type { ClickOutcome } from './outcome.ts';
import { refusalWords } from './words.ts';

/** What deciding several calls together needs of the gateway. */
export interface BatchUse {
  /** The calls of the digest that this one leads. */
  callsOfDigest(leader: Approval): Promise<readonly CardedCall[]>;
  /** Resolves once all are durable, or none. */
  decide(items: readonly BatchItem[], word: TogetherWord, by: ApproverFor): Promise<DecidedTogether>;
}

interface BatchActTerms extends AdmissionTerms {
  readonly clock: Clock;
  readonly publicUrl?: string | null | undefined;
  readonly batches?: BatchUse | undefined;
}

/** The view in which several are decided: each that this person may decide, in full. Opening it decides nothing. */
export async function openBatch(
  terms: BatchActTerms,
  { choice }: Extract<Intent, { kind: 'open_batch' }>,
  admitted: Admitted,
  who: Clicker,
): Promise<ClickOutcome> {
  return show(terms, choice, admitted, who, null);
}

/**
 * Commits all that are ticked, or none. Only calls of this very digest count, each as its box says it was shown, and only
 * those that stand in such a view in full: a payload says nothing that is not looked up again.
 */
export async function submitBatch(
  terms: BatchActTerms,
  { choice, ticks, reason }: Extract<Intent, { kind: 'submit_batch' }>,
  admitted: Admitted,
  who: Clicker,
): Promise<ClickOutcome> {
  const { batches } = terms;
  if (batches === undefined) return { kind: 'not_found' };
  if (ticks.length === 0) return show(terms, choice, admitted, who, 'Nothing was ticked, so nothing was decided.');
  const members = new Map((await ofDigest(batches, admitted)).map((call) => [call.approval.id, call.approval]));
  const ticked = ticks.flatMap(({ id }) => members.get(id) ?? []);
  const isShown = ticked.every((approval) => aloneBecause(approval, choice) === null) && fitsTogether(ticked);
  if (ticked.length !== new Set(ticks.map(({ id }) => id)).size || ticks.length !== ticked.length || !isShown) {
    await terms.refused(admitted.approval.id, who.user, 'wrong_message', choice);
    return { kind: 'turned_away', reason: 'wrong_message' };
  }
  const approvers = await approversOf(terms, ticked, who);
  if (approvers === null) return { kind: 'turned_away', reason: 'cannot_tell' };
  const word: TogetherWord = { choice, reason, surface: 'batch_view' };
  const decided = await batches.decide(ticks, word, ({ id }) => approvers.get(id)!);
  if (decided.kind === 'recorded') return { kind: 'recorded_together' };
  return show(terms, choice, admitted, who, notice(decided.items, members));
}

function notice(items: readonly InTheWay[], members: ReadonlyMap<string, Approval>): string {
  const lines = items.map(({ id, state, why }) => {
    const approval = members.get(id);
    const name =
      approval === undefined ? codeSpan(id) : `${codeSpan(`${approval.server}.${approval.tool}`)} (${codeSpan(id)})`;
    if (why === 'not_found') return `${name}: it is not there any more.`;
    if (why === 'changed') return `${name}: it has changed since it was shown. Look at it again.`;
    if (why === 'already_decided' || why === 'expired') return `${name}: it is ${state ?? why} by now.`;
    return `${name}: ${approval === undefined ? why : refusalWords(why, approval)}`;
  });
  return ['*None of them was decided*, because of these:', ...lines].join('\n');
}

async function show(
  terms: BatchActTerms,
  choice: 'approve' | 'deny',
  admitted: Admitted,
  who: Clicker,
  why: string | null,
): Promise<ClickOutcome> {
  const { batches, clock, publicUrl = null } = terms;
  if (batches === undefined) return { kind: 'not_found' };
  const pending = (await ofDigest(batches, admitted)).filter(({ approval }) => approval.state === 'pending');
  const approvers = await approversOf(
    terms,
    pending.map(({ approval }) => approval),
    who,
  );
  if (approvers === null) return { kind: 'turned_away', reason: 'cannot_tell' };
  const calls = pending.map(({ approval }): BatchCall => {
    const word: DecisionRequest = { choice, reason: 'to be asked', fingerprint: null };
    const judged = judgeDecision(approval, word, approvers.get(approval.id)!, clock.now(), terms.approvers(approval));
    const alone = aloneBecause(approval, choice);
    if (alone !== null) return { approval, why: alone };
    return { approval, why: judged.kind === 'refused' ? (REFUSED[judged.reason] ?? 'is not yours to decide') : null };
  });
  const { approval: leader, from } = admitted;
  return { kind: 'modal', view: batchView(calls, { choice, leader, from, publicUrl, notice: why }) };
}

const REFUSED: Readonly<Partial<Record<string, string>>> = {
  already_voted: 'has your approval, and needs more',
  own_call: 'comes from an agent of yours',
  expired: 'has expired',
  broken: 'has a record that was changed outside Holdfast',
};

/** Calls whose card is this very message. */
async function ofDigest(batches: BatchUse, { approval, from }: Admitted): Promise<readonly CardedCall[]> {
  const all = await batches.callsOfDigest(approval);
  return all.filter(({ card }) => card?.channel === from.channel && card.ts === from.ts);
}

/** This person as an approver of each; null: Slack did not say who they are. */
async function approversOf(
  terms: BatchActTerms,
  approvals: readonly Approval[],
  who: Clicker,
): Promise<ReadonlyMap<string, Approver> | null> {
  const known = await Promise.all(
    approvals.map(
      async (approval) => [approval.id, await identify(terms, who, approval, terms.approvers(approval))] as const,
    ),
  );
  const approvers = new Map<string, Approver>();
  for (const [id, identified] of known) {
    if (identified.kind !== 'approver') return null;
    approvers.set(id, identified.approver);
  }
  return approvers;
}
