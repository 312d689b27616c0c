import type { Approval, Approver, Decision, State } from '../../domain/approval/approval.ts';
import { type DecisionRequest, judgeDecision as judge, type RefusalReason } from '../../domain/approval/decide.ts';
import type { SeenCard } from '../../domain/approval/seen-card.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { CardRecord, Change } from '../../ports.ts';
import { commitUntil } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';
import { actorOf } from './actor.ts';
import { refuse } from './refuse.ts';

export type Decided =
  /** Committed and durable; the caller may acknowledge. */
  | { readonly kind: 'recorded'; readonly approval: Approval; readonly decision: Decision }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly approval: Approval }
  | { readonly kind: 'not_found' };

/** What a door has read of an approval. Old news cost nothing but a second look: the commit compares revisions. */
export interface SeenApproval {
  readonly approval: Approval;
  readonly card: CardRecord | null;
}

/** Pickup, in ms: how long an approved pass, or the word of a denial, waits for a caller who is away. */
export interface DecideTerms {
  readonly pickupMs: number;
}

/**
 * Takes one human's word. Slack, the API and the console all come here.
 *
 * | race | who wins |
 * |---|---|
 * | two clicks at once | the first commit; the other reads again and is refused with the true state |
 * | click and withdrawal, click and expiry | the first commit; a click that lost is told what happened |
 * | crash after the commit, before the queue hears | the decision stands; the sweep and the 2 s re-read wake the call |
 * | a caller waits in this very process | its dispatch is committed with the decision (state/inline-dispatch.ts) |
 */
export async function decide(
  gateway: Pick<Gateway, 'announcer' | 'at' | 'clock' | 'inline' | 'store'>,
  id: string,
  word: DecisionRequest,
  approver: Approver,
  terms: DecideTerms,
  seen: SeenApproval | null = null,
): Promise<Decided> {
  const { store, clock, inline } = gateway;
  const judged = (approval: Approval) => judge(approval, word, approver, clock.now());
  let refusal: RefusalReason | null = null;
  const end = await commitUntil<SeenApproval>(
    {
      read: () => look(gateway, id, approver),
      judge: ({ approval, card }) => {
        const judgement = judged(approval);
        refusal = judgement.kind === 'refused' ? judgement.reason : null;
        if (judgement.kind === 'refused') return null;
        const { decision, next } = judgement;
        gateway.at?.('decide.before');
        return {
          id,
          revision: approval.revision,
          from: 'pending',
          to: next,
          patch: patchFor(next, new Date(decision.at.getTime() + terms.pickupMs)),
          decision,
          ...(card === null ? {} : { card }),
          events: [decided(approval, decision, next, card, word.saw)],
        };
      },
      commit: (change, { approval }) =>
        change.to === 'approved' ? inline.commit(store, change, afterwards(approval, change)) : store.commit(change),
    },
    // Whoever is refused is told how it stands now, not how it stood when the click came in.
    seen !== null && judged(seen.approval).kind === 'refused' ? null : seen,
  );
  if (end.kind === 'gone') return { kind: 'not_found' };
  if (end.kind === 'unchanged') {
    const { approval } = end.known;
    await refuse(gateway, approval, { approver, reason: refusal!, choice: word.choice });
    return { kind: 'refused', reason: refusal!, approval };
  }
  const { approval, change } = end;
  if (approval.state === change.to) gateway.at?.('decide.after');
  // The commit is what counts; a queue that does not answer only makes it slower to be heard.
  gateway.announcer.tell(approval);
  return { kind: 'recorded', approval: asDecided(approval, change.to), decision: change.decision! };
}

/** What the decision makes of it. */
function afterwards(approval: Approval, { to, patch, decision }: Change): Approval {
  const decisions = [...approval.decisions, decision!];
  const pickupUntil = patch?.pickupUntil ?? null;
  return { ...approval, state: to, revision: approval.revision + 1, pickupUntil, decisions };
}

/** Whoever decided is told what the decision did; that the pass was spent with it is the caller's news. */
function asDecided(approval: Approval, next: State): Approval {
  if (approval.state === next) return approval;
  return { ...approval, state: next, revision: approval.revision - 1, leaseUntil: null };
}

/** What the person saw is evidence; only a card is known here, a page or a terminal is not. */
async function look(gateway: Pick<Gateway, 'store'>, id: string, { via }: Approver): Promise<SeenApproval | null> {
  if (via === 'slack') return gateway.store.look(id);
  const approval = await gateway.store.find(id);
  return approval === null ? null : { approval, card: null };
}

function patchFor(next: 'pending' | 'approved' | 'denied', until: Date): NonNullable<Change['patch']> {
  if (next === 'approved') return { pickupUntil: until };
  return next === 'denied' ? { resultUntil: until } : {};
}

function decided(
  approval: Approval,
  decision: Decision,
  next: string,
  card: CardRecord | null,
  saw: SeenCard | undefined,
): NewEvent {
  return approvalEvent(approval, {
    type: 'approval.decided',
    at: decision.at,
    actor: actorOf({ id: decision.approver }),
    data: {
      choice: decision.choice,
      reason: decision.reason,
      via: decision.via,
      self: decision.self,
      userGroup: decision.userGroup,
      state: next,
      quorum: approval.requirement.quorum,
      waitedMs: decision.at.getTime() - approval.createdAt.getTime(),
      card: card === null ? null : { digest: card.digest, revision: card.revision, channel: card.channel, ts: card.ts },
      ...(saw === undefined ? {} : { saw: { ...saw } }),
      fingerprint: approval.fingerprint,
    },
  });
}
