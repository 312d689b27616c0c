import type { Approval, Approver } from '../../domain/approval/approval.ts';
import {
  type BatchItem,
  type InTheWay,
  judgeTogether,
  MOST_TOGETHER,
  requestFor,
  type TogetherCall,
  type TogetherWord,
} from '../../domain/approval/together.ts';
import { type Change, Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { type DecideTerms, patchFor } from './decide.ts';
import { type Batch, decidedEvent } from './decided-event.ts';
import { refuse } from './refuse.ts';

export type DecidedTogether =
  /** All of them are committed and durable, in the order in which they were named. */
  | { readonly kind: 'recorded'; readonly batch: string; readonly approvals: readonly Approval[] }
  /** None is: these are in the way. The refusal of each is recorded. */
  | { readonly kind: 'refused'; readonly items: readonly InTheWay[] };

/** Who decides this one, with the user groups that matter for it. */
export type ApproverFor = (approval: Approval) => Approver | Promise<Approver>;

/** Conflicts after which it is given up: each of them was another change that the judgement did not see. */
const MOST_CONFLICTS = 5;

/**
 * Records one person's decision about several calls, all or none (decision 0061). Each is judged as if it were decided
 * alone, and is bound by its own fingerprint and by the revision that was shown; each gets its own event, and all name
 * the batch.
 *
 * | race | who wins |
 * |---|---|
 * | one of them is decided, expires, is withdrawn, or changes at all meanwhile | that; nothing of the batch is committed, and it is named with its true state |
 * | two batches that overlap | the first commit; the other is told which were decided |
 * | a single click and a batch | the first commit |
 * | crash before the commit | nothing is decided; after it, all is, and the sweep wakes the calls |
 * | the store's answer is lost | all or nothing; said to be not recorded |
 * | a caller waits in this process | it is woken, and spends its pass by itself |
 * | a denial, and no witness can be written | all are committed; throws `Unavailable('witness')` |
 */
export async function decideTogether(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'faultPoint' | 'rules' | 'store'>,
  shown: readonly BatchItem[],
  word: TogetherWord,
  by: ApproverFor,
  terms: DecideTerms,
): Promise<DecidedTogether> {
  const { store, clock } = gateway;
  if (shown.length > MOST_TOGETHER) throw new Error(`at most ${MOST_TOGETHER} calls are decided together`);
  const batch: Batch = { id: newId('ba', clock.now()), count: shown.length };
  for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts += 1) {
    const calls = await Promise.all(shown.map((each) => callOf(gateway, each, by)));
    const judged = judgeTogether(calls, word, clock.now());
    if (judged.kind === 'in_the_way') {
      await refuseEach(gateway, calls, judged.items, word);
      return { kind: 'refused', items: judged.items };
    }
    const changes = calls.map(({ shown: each, found }, index): Change => {
      const { approval, current } = found!;
      const { decision, next, instead } = judged.judgements[index]!;
      const { saw } = requestFor(each, word);
      return {
        id: approval.id,
        revision: approval.revision,
        from: 'pending',
        to: next,
        believed: approval.seal,
        patch: patchFor(next, new Date(decision.at.getTime() + terms.pickupMs)),
        decision,
        promised: true,
        ...(instead === null ? {} : { instead: instead.choice }),
        events: [decidedEvent(approval, { decision, instead, next }, null, saw, current, batch)],
      };
    });
    gateway.faultPoint?.('decide.before');
    const committed = await store.commitTogether(changes);
    if (committed.kind === 'committed') {
      gateway.faultPoint?.('decide.after');
      for (const approval of committed.approvals) gateway.announcer.announce(approval);
      return { kind: 'recorded', batch: batch.id, approvals: committed.approvals };
    }
    if (committed.why !== 'conflict') {
      const found = calls.find(({ shown: { id } }) => id === committed.id)?.found ?? null;
      const items: InTheWay[] = [{ id: committed.id, state: found?.approval.state ?? null, why: 'broken' }];
      await refuseEach(gateway, calls, items, word);
      return { kind: 'refused', items };
    }
  }
  throw new Unavailable('store', 'one of the calls was another each time than had just been read; try again');
}

async function callOf(
  { store, rules }: Pick<Gateway, 'rules' | 'store'>,
  shown: BatchItem,
  by: ApproverFor,
): Promise<TogetherCall> {
  const approval = await store.find(shown.id);
  if (approval === null) return { shown, found: null };
  return { shown, found: { approval, approver: await by(approval), current: rules.approvers(approval) } };
}

/** Those that are in the way are refused; of the others nothing was asked that could be recorded. */
async function refuseEach(
  gateway: Pick<Gateway, 'clock' | 'store'>,
  calls: readonly TogetherCall[],
  items: readonly InTheWay[],
  { choice }: TogetherWord,
): Promise<void> {
  const why = `decided together with ${calls.length - 1} more, of which none was`;
  for (const { id, why: reason } of items) {
    const found = calls.find(({ shown }) => shown.id === id)?.found ?? null;
    if (found !== null) await refuse(gateway, found.approval, { approver: found.approver, reason, choice, why });
  }
}
