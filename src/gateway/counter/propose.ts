import type { Approval, Approver } from '../../domain/approval/approval.ts';
import type { ArgumentFault } from '../../domain/approval/argument-fault.ts';
import { judgeCounter } from '../../domain/approval/counter.ts';
import { type DecisionRequest, judgeDecision, type RefusalReason } from '../../domain/approval/decide.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { CounterConflict, OpensCounter } from '../../ports.ts';
import { beginDescribingProposal } from '../call/describe-call.ts';
import { type Decided, type DecideTerms, decideApproval, voteOn } from '../decision/decide.ts';
import { refuse } from '../decision/refuse.ts';
import type { Gateway } from '../gateway.ts';
import { type ProposingGateway, proposedCall } from './proposed-call.ts';

/** A denial with the arguments that the person would have instead, as they were shown to them. */
export interface CounterRequest extends Pick<DecisionRequest, 'fingerprint' | 'reason' | 'saw'> {
  readonly counter: JsonObject;
  /** Not all of the call was shown with the form, so the proposal is no yes to it (P10). */
  readonly unseen?: boolean;
}

export type Countered =
  | Exclude<Decided, { kind: 'refused' }>
  | (Extract<Decided, { kind: 'refused' }> & {
      /** A sentence, where the reason leaves open what exactly. */
      readonly why?: string;
      readonly faults?: readonly ArgumentFault[];
    });

/**
 * Denies a call and opens the approval of the one that the person would have instead, in one transaction. Slack, the API
 * and the console all do it through this; no agent ever can. The table of states and races is in decision 0062.
 */
export async function counterApproval(
  gateway: Parameters<typeof decideApproval>[0] &
    ProposingGateway &
    Pick<Gateway, 'cards' | 'describing' | 'log' | 'queue'>,
  id: string,
  asked: CounterRequest,
  approver: Approver,
  terms: Pick<DecideTerms, 'pickupMs'>,
): Promise<Countered> {
  const { counter: args, unseen = false, ...word } = asked;
  const request: DecisionRequest = { ...word, choice: 'deny' };
  const approval = await gateway.store.find(id);
  if (approval === null) return { kind: 'not_found' };
  const current = gateway.rules.approvers(approval);
  const judged = judgeDecision(approval, request, approver, gateway.clock.now(), current);
  // Before anything else: a stranger learns nothing of what would be possible. Never judged again as a plain denial, which
  // it would become for somebody who may deny a moment later.
  if (judged.kind === 'refused') return refusedAs(gateway, approval, approver, judged.reason);
  const refusal = judgeCounter(approval, approver, current);
  if (refusal !== null) return refusedAs(gateway, approval, approver, refusal);
  const proposed = await proposedCall(gateway, approval, args, approver);
  if (proposed.kind === 'refused') {
    return refusedAs(gateway, approval, approver, 'bad_counter', proposed.why, proposed.faults);
  }
  const opened = proposed.request.approval;
  const decided = await decideApproval(gateway, id, request, approver, {
    pickupMs: terms.pickupMs,
    counter: {
      id: opened.id,
      judge: (now) => judgeCounter(now, approver, gateway.rules.approvers(now)),
      opens: (at): OpensCounter => ({
        request: proposed.request,
        event: proposed.event,
        room: gateway.rules.approval,
        by: approver.id,
        vote: unseen ? null : voteOn(gateway, opened, approver, at, terms),
      }),
    },
  });
  if (decided.kind === 'recorded')
    await publish(gateway, opened, beginDescribingProposal(gateway, opened.id, proposed.ask));
  if (decided.kind !== 'refused' || decided.conflict === undefined) return decided;
  return { ...decided, why: conflictWords(decided.conflict) };
}

async function refusedAs(
  gateway: Pick<Gateway, 'clock' | 'store'>,
  approval: Approval,
  approver: Approver,
  reason: RefusalReason,
  why?: string,
  faults: readonly ArgumentFault[] = [],
): Promise<Countered> {
  await refuse(gateway, approval, { approver, reason, choice: 'deny' });
  const words = why === undefined ? {} : { why: `${why[0]?.toUpperCase()}${why.slice(1)}.` };
  return { kind: 'refused', reason, approval, ...words, ...(faults.length === 0 ? {} : { faults }) };
}

/** Parks it and orders its card, once that has something to say; the sweep does both where the queue does not answer. */
async function publish(
  { cards, log, queue }: Pick<Gateway, 'cards' | 'log' | 'queue'>,
  { id, expiresAt }: Pick<Approval, 'expiresAt' | 'id'>,
  described: Promise<void>,
): Promise<void> {
  const untaken = (error: unknown) =>
    log.warn({ approval: id, err: error }, 'the queue did not take a counter-proposal; the sweep will');
  if (cards !== null) void described.then(() => queue.publish(id, { turn: 1 })).catch(untaken);
  await queue.park(id, expiresAt).catch(untaken);
}

function conflictWords(conflict: CounterConflict): string {
  switch (conflict.kind) {
    case 'waits':
      return `The very same call waits, is approved or runs as ${conflict.approval}: decide there, and deny this one plainly.`;
    case 'unsure':
      return 'The records of counter-proposals are not what a gateway left (see /readyz), so none can be opened. Deny this call plainly.';
    case 'too_many':
      return `As many counter-proposals to this agent are open as may be (${conflict.most}). Decide some of them first.`;
    case 'crowded':
      return `${conflict.pending} calls of this agent wait for a person, and no more may (approval.max_pending). Decide some of them first.`;
    case 'paced':
      return `This agent's questions are at their limit (approval.openings), and a counter-proposal is one. Try again in ${conflict.full.retryAfter} seconds.`;
    case 'heavy':
      return `As many bytes of this agent's calls are kept as may be (${conflict.most}). Decide some of them first.`;
    case 'overjoined':
      return `More callers wait than may (${conflict.most}).`;
    default:
      return conflict satisfies never;
  }
}
