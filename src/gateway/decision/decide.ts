import type { Allowance, StandingDenial } from '../../domain/allowance/allowance.ts';
import type { Approval, Approver, Decision, State } from '../../domain/approval/approval.ts';
import {
  type DecisionRequest,
  type Judgement,
  judgeDecision,
  type RefusalReason,
  withDecision,
} from '../../domain/approval/decide.ts';
import { recount } from '../../domain/approval/recount.ts';
import { signersOf } from '../../domain/approval/vote-signature.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { CardRecord, Change, CounterConflict, NewApproval, OpensCounter } from '../../ports.ts';
import { testsHidden } from '../allowance/covering.ts';
import { allowanceGiven, denialGiven } from '../allowance/give.ts';
import { isStillOffered } from '../allowance/offer.ts';
import { commitUntil } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';
import { decidedEvent } from './decided-event.ts';
import { refuse } from './refuse.ts';

export type Decided =
  /** Committed and durable; the door may acknowledge it. */
  | {
      readonly kind: 'recorded';
      readonly approval: Approval;
      readonly decision: Decision;
      /** What was given in advance with it; absent: nothing. */
      readonly allowance?: Allowance;
      readonly denial?: StandingDenial;
    }
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly approval: Approval;
      /** Why the counter-proposal could not be opened. */
      readonly conflict?: CounterConflict;
    }
  | { readonly kind: 'not_found' };

/**
 * What a door has read of an approval. It may be stale: the commit compares revisions, and a conflict costs one more
 * read.
 */
export interface SeenApproval {
  readonly approval: Approval;
  readonly card: CardRecord | null;
}

/** `pickupMs`: how long an approved pass, or the answer to a denied call, waits for a caller that is away. */
export interface DecideTerms {
  readonly pickupMs: number;
  /** What a denial opens in place of the call; absent: nothing. */
  readonly counter?: CounterTerms;
}

/** The call that a person would have instead, made ready. */
export interface CounterTerms {
  /** Of the approval that is opened. */
  readonly id: string;
  /** Whether that can still be done; null: it can. */
  judge(approval: Approval): RefusalReason | null;
  opens(at: Date): OpensCounter;
}

/**
 * Records one person's decision, or refuses it. Slack, the API and the console all decide through this.
 *
 * | race | who wins |
 * |---|---|
 * | two clicks at once | the first commit; the other reads again and is refused with the true state |
 * | click and withdrawal, click and expiry | the first commit; a click that lost is told what happened |
 * | crash after the commit, before the queue is told | the decision counts; the sweep and the 2 s re-read wake the call |
 * | a denial, and no witness can be written | it is committed, and told as soon as one can; throws `Unavailable('witness')` |
 * | two propose the same call in its place | the first; the other is told that it is decided, not that its like waits |
 * | as many allowances live as may | nothing: refused, so that nobody believes to have given one |
 * | a caller waits in this process | its dispatch is committed with the decision (gateway/state/inline-dispatch.ts) |
 */
export async function decideApproval(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'faultPoint' | 'inline' | 'knownInAdvance' | 'rules' | 'store'>,
  id: string,
  asked: DecisionRequest,
  approver: Approver,
  terms: DecideTerms,
  seen: SeenApproval | null = null,
): Promise<Decided> {
  const { store, clock, inline } = gateway;
  const request = withOwnWords(gateway.rules, asked);
  const judge = (approval: Approval): Judgement => {
    const refusedAs = (reason: RefusalReason) => ({ kind: 'refused', reason, state: approval.state }) as const;
    if (request.allowance !== undefined && approval.state === 'pending' && !isStillOffered(gateway, approval))
      return refusedAs('no_allowance');
    const judged = judgeDecision(approval, request, approver, clock.now(), gateway.rules.approvers(approval));
    if (judged.kind === 'recorded' && terms.counter !== undefined) {
      const refused = terms.counter.judge(approval);
      const decision = { ...judged.decision, counter: terms.counter.id };
      return refused === null ? { ...judged, decision } : refusedAs(refused);
    }
    if (judged.kind === 'refused' || judged.decision.offers === undefined) return judged;
    return testsHidden(gateway, approval, judged.decision.offers) ? refusedAs('hidden_condition') : judged;
  };
  const ahead = seen === null ? null : { seen, judgement: judge(seen.approval) };
  let refusal: RefusalReason | null = null;
  const end = await commitUntil<SeenApproval>(
    {
      read: async () => {
        const found = await readSeen(gateway, id, approver);
        if (found !== null && request.signature !== undefined) await gateway.rules.refresh(found.approval);
        return found;
      },
      judge: (known) => {
        const { approval, card } = known;
        const judgement = known === ahead?.seen ? ahead.judgement : judge(approval);
        refusal = judgement.kind === 'refused' ? judgement.reason : null;
        if (judgement.kind === 'refused') return null;
        const { decision, next, instead } = judgement;
        const votes = withDecision(approval.decisions, decision);
        const allows = next === 'approved' ? allowanceGiven(gateway, approval, votes, decision.at) : null;
        const { standing } = request;
        const denies = next === 'denied' && standing ? denialGiven(approval, decision, standing.minutes) : null;
        gateway.faultPoint?.('decide.before');
        return {
          id,
          revision: approval.revision,
          from: 'pending',
          to: next,
          believed: approval.seal,
          patch: patchFor(next, new Date(decision.at.getTime() + terms.pickupMs)),
          decision,
          promised: true,
          ...(allows === null ? {} : { allows }),
          ...(denies === null ? {} : { denies }),
          ...(next === 'denied' && terms.counter !== undefined ? { counters: terms.counter.opens(decision.at) } : {}),
          ...(instead === null ? {} : { instead: instead.choice }),
          ...(decision.signature === undefined ? {} : { signers: signersWith(gateway, approval, decision, approver) }),
          // A row that cannot be believed is nothing to compare with: what the log says of the card is.
          ...(card === null || card.restored ? {} : { card }),
          events: [
            decidedEvent(approval, { decision, instead, next }, card, request.saw, gateway.rules.approvers(approval)),
          ],
        };
      },
      commit: (change, { approval }) =>
        change.to === 'approved' ? inline.commit(store, change, approvalAfter(approval, change)) : store.commit(change),
    },
    // A refusal must name the state as it is now, so it is never based on what the door read earlier.
    ahead?.judgement.kind === 'refused' ? null : seen,
  );
  if (end.kind === 'gone') return { kind: 'not_found' };
  if (end.kind !== 'committed') {
    const { approval } = end.known;
    if (end.kind === 'no_counter') {
      // What is in its way may be what another person opened in its place, a moment ago: then it is decided.
      const now = await gateway.store.find(id);
      const judged = now === null ? null : judge(now);
      if (now !== null && now.state !== 'pending' && judged?.kind === 'refused') {
        await refuse(gateway, now, { approver, reason: judged.reason, choice: request.choice });
        return { kind: 'refused', reason: judged.reason, approval: now };
      }
      await refuse(gateway, approval, { approver, reason: 'bad_counter', choice: request.choice, why: end.why.kind });
      return { kind: 'refused', reason: 'bad_counter', approval, conflict: end.why };
    }
    const reason: RefusalReason = end.kind === 'put_back' ? 'broken' : end.kind === 'crowded' ? 'crowded' : refusal!;
    await refuse(gateway, approval, { approver, reason, choice: request.choice });
    return { kind: 'refused', reason, approval };
  }
  const { approval, change } = end;
  if (approval.state === change.to) gateway.faultPoint?.('decide.after');
  // The commit is what counts; a queue that does not answer only delays the wake-up.
  gateway.announcer.announce(approval);
  const { allows, denies } = change;
  if (allows !== undefined || denies !== undefined) await gateway.knownInAdvance.refreshSoon();
  return {
    kind: 'recorded',
    approval: beforeDispatch(approval, change.to),
    decision: change.decision!,
    ...(allows === undefined ? {} : { allowance: allows.allowance }),
    ...(denies === undefined ? {} : { denial: denies.denial }),
  };
}

/**
 * The vote of whoever opens an approval as a counter-proposal, on this very call; null: it counts for nothing, or has to
 * be signed on the new card.
 */
export function voteOn(
  { rules }: Pick<Gateway, 'rules'>,
  opened: NewApproval['approval'],
  approver: Approver,
  at: Date,
  { pickupMs }: Pick<DecideTerms, 'pickupMs'>,
): Change | null {
  const approval: Approval = {
    ...opened,
    ...{ state: 'pending', revision: 1, decisions: [], callers: 0, gaveUp: 0, updatedAt: at, previousUnknown: null },
    ...{ laterReasons: [], remindedAt: null, escalatedAt: null, awaits: null, questions: 0, answers: [], broken: null },
    seal: '',
  };
  const current = rules.approvers(approval);
  const request = { choice: 'approve', reason: null, fingerprint: opened.fingerprint } as const;
  const judged = judgeDecision(approval, request, approver, at, current);
  if (judged.kind === 'refused') return null;
  const { decision, next } = judged;
  return {
    id: opened.id,
    revision: 1,
    from: 'pending',
    to: next,
    patch: patchFor(next, new Date(at.getTime() + pickupMs)),
    decision,
    events: [proposedEvent(decidedEvent(approval, { decision, instead: null, next }, null, undefined, current))],
  };
}

/** It came with the proposal: nobody was asked and then answered. */
function proposedEvent(event: NewEvent): NewEvent {
  return { ...event, data: { ...event.data, proposed: true } };
}

/** What a person's own conditions say is worded here, whatever a door says; those that cannot be read are for no call. */
function withOwnWords(rules: Pick<Gateway['rules'], 'conditions'>, request: DecisionRequest): DecisionRequest {
  const { allowance } = request;
  if (allowance === undefined) return request;
  const conditions = rules.conditions(allowance.within);
  if (typeof conditions === 'string')
    return { ...request, allowance: { ...allowance, calls: Number.POSITIVE_INFINITY } };
  return { ...request, allowance: { ...allowance, says: conditions.map(({ says }) => says) } };
}

/** Of the votes that count with this one: one that is void already would keep everybody else's from being committed. */
function signersWith(
  { rules }: Pick<Gateway, 'rules'>,
  approval: Approval,
  decision: Decision,
  { userGroups }: Approver,
) {
  const current = rules.approvers(approval);
  const voted = { ...approval, decisions: withDecision(approval.decisions, decision) };
  const { standing } = recount(voted, current, decision.at, (vote) => (vote === decision ? { userGroups } : null));
  return signersOf({ ...approval, decisions: standing }, current);
}

/** The approval as the decision will leave it. */
function approvalAfter(approval: Approval, { to, patch, decision }: Change): Approval {
  const decisions = withDecision(approval.decisions, decision!);
  const pickupUntil = patch?.pickupUntil ?? null;
  return { ...approval, state: to, revision: approval.revision + 1, pickupUntil, decisions };
}

/** The person who decided is shown the decision's own effect, even if its commit also spent the pass for a caller. */
function beforeDispatch(approval: Approval, next: State): Approval {
  if (approval.state === next) return approval;
  return { ...approval, state: next, revision: approval.revision - 1, leaseUntil: null };
}

/** The card is evidence of what the person saw. Pages and terminals leave no such record. */
async function readSeen(gateway: Pick<Gateway, 'store'>, id: string, { via }: Approver): Promise<SeenApproval | null> {
  if (via === 'slack') return gateway.store.look(id);
  const approval = await gateway.store.find(id);
  return approval === null ? null : { approval, card: null };
}

/** Until when what the decision leaves is kept. */
export function patchFor(next: 'pending' | 'approved' | 'denied', until: Date): NonNullable<Change['patch']> {
  if (next === 'approved') return { pickupUntil: until };
  return next === 'denied' ? { resultUntil: until } : {};
}
