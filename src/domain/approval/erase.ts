import { type Erasure, erasureWords } from '../call/erasure.ts';
import { NOTHING_MORE } from '../call/sent.ts';
import { type Approval, isOver } from './approval.ts';

/**
 * Why the data of an approval is not erased. `live`: it waits, may run, or runs. `owed`: somebody has still to collect its
 * outcome. `erased`: it has been. `card`: its card is being written at this moment. `off`: calls are not erased here.
 */
export type EraseRefusal = 'card' | 'erased' | 'live' | 'off' | 'owed';

/** What is judged besides the approval. */
export interface ErasedRow {
  /** Until when an absent caller is owed the outcome, and a task's result can be fetched; null: nobody is, there is none. */
  readonly owedUntil: Date | null;
  readonly taskUntil: Date | null;
  /** A run is writing its card. */
  readonly cardRuns: boolean;
  /** That it was erased is on record, whatever its row says. */
  readonly logged?: boolean;
  /** The log has events about it, and none that it ended; asked only of a row that differs from what a gateway wrote. */
  readonly unended?: boolean;
}

/** Characters of a text that is looked for, and of the reason of an erasure. */
export const SHORTEST_MATCH = 3;
export const LONGEST_MATCH = 500;
export const LONGEST_ERASE_REASON = 500;

/** null: it may be erased. */
export function judgeErasure(
  { state, callers, trace, broken }: Pick<Approval, 'broken' | 'callers' | 'state' | 'trace'>,
  { owedUntil, taskUntil, cardRuns, logged = false, unended = false }: ErasedRow,
  now: Date,
): EraseRefusal | null {
  // A row that somebody changed may say either, and nothing of it be so.
  if (trace.erased !== undefined && (broken === null || logged)) return 'erased';
  if (!isOver(state) || (broken !== null && unended)) return 'live';
  if (callers > 0 && owedUntil !== null && owedUntil > now) return 'owed';
  if (taskUntil !== null && taskUntil > now) return 'owed';
  return cardRuns ? 'card' : null;
}

/** What remains of what is shown of a call, and of what was said beside it. */
export type ErasedCall = Pick<
  Approval,
  'answers' | 'arguments' | 'asked' | 'counterOf' | 'laterReasons' | 'sent' | 'statedReason' | 'trace'
>;

/** Who asked, for what tool, what policy said and who decided stays; so does how many values were hidden. */
export function erasedCall(approval: Approval, erasure: Erasure): ErasedCall {
  const { summary: _, salt: __, ...trace } = approval.trace;
  const words = erasureWords(erasure);
  return {
    // Whatever shows the arguments says so without knowing of erasures.
    arguments: { erased: words },
    sent: NOTHING_MORE,
    trace: { ...trace, erased: { by: erasure.by, at: erasure.at, reason: erasure.reason } },
    statedReason: null,
    laterReasons: [],
    asked: approval.asked === null ? null : { ...approval.asked, text: JSON.stringify(words) },
    answers: [],
    ...(approval.counterOf === undefined ? {} : { counterOf: { ...approval.counterOf, changes: [], more: 0 } }),
  };
}
