import type { Approval, Approver, State } from './approval.ts';
import type { CurrentApprovers } from './current.ts';
import { type DecisionRequest, type Judgement, judgeDecision, type RefusalReason } from './decide.ts';

/** Calls that one person decides at once, at most: more than that nobody reads. */
export const MOST_TOGETHER = 25;

/** One of several calls, as its person was shown it. */
export interface BatchItem {
  readonly id: string;
  /** As a single decision takes it. */
  readonly fingerprint: string;
  readonly revision: number;
}

/** What a person says of several calls, the same of each. */
export type TogetherWord = Pick<DecisionRequest, 'choice' | 'reason'> & {
  /** Where they were shown, where the door can tell. */
  readonly surface?: 'batch_view';
};

/** Why one of several keeps all of them from being decided. `changed`: it is still pending, and not as it was shown. */
export type TogetherRefusal = RefusalReason | 'changed' | 'not_found';

/** One call, with who decides it and who may, as far as that can be known now. */
export interface TogetherCall {
  readonly shown: BatchItem;
  /** null: there is no such approval. */
  readonly found: {
    readonly approval: Approval;
    readonly approver: Approver;
    readonly current: CurrentApprovers;
  } | null;
}

/** One that is in the way. */
export interface InTheWay {
  readonly id: string;
  readonly state: State | null;
  readonly why: TogetherRefusal;
}

type Recorded = Extract<Judgement, { kind: 'recorded' }>;

export type JudgedTogether =
  | { readonly kind: 'in_the_way'; readonly items: readonly InTheWay[] }
  /** In the order of the calls. */
  | { readonly kind: 'all'; readonly judgements: readonly Recorded[] };

/**
 * Judges each call as a decision about it alone would be, and besides by its revision: whatever has changed of one since it
 * was shown, all of them are looked at again. Either all are decided, or those in the way are named. Pure.
 */
export function judgeTogether(calls: readonly TogetherCall[], word: TogetherWord, now: Date): JudgedTogether {
  const items: InTheWay[] = [];
  const judgements: Recorded[] = [];
  for (const { shown, found } of calls) {
    if (found === null) {
      items.push({ id: shown.id, state: null, why: 'not_found' });
      continue;
    }
    const { approval, approver, current } = found;
    const judged = judgeDecision(approval, requestFor(shown, word), approver, now, current);
    if (judged.kind === 'refused') items.push({ id: shown.id, state: judged.state, why: judged.reason });
    else if (approval.revision !== shown.revision) items.push({ id: shown.id, state: approval.state, why: 'changed' });
    else judgements.push(judged);
  }
  return items.length > 0 ? { kind: 'in_the_way', items } : { kind: 'all', judgements };
}

/** What is said of one of them. It allows and denies nothing in advance, and is not signed. */
export function requestFor({ fingerprint, revision }: BatchItem, word: TogetherWord): DecisionRequest {
  const { choice, reason, surface } = word;
  return { choice, reason, fingerprint, ...(surface === undefined ? {} : { saw: { surface, revision } }) };
}
