import { endedUnsent } from '../../domain/approval/approval.ts';
import type { Store } from '../../ports.ts';
import { endOf, type PassTerms } from './pass-of.ts';
import type { WitnessBoard } from './witness-board.ts';

/** Ends that one comparison tells; the start, and a reconnect, wait for it. */
const MOST_TOLD = 200;
/** Ends that are remembered as not to be believed; beyond that the oldest are looked at again. */
const MOST_LEFT = 10_000;

/**
 * Tells witnesses of ends that none of them has, of questions whose time is not over: the process that committed such an
 * end died before it told anybody. Only what happened is asked of the store, and believed with its seals.
 * `left`: those that cannot be believed, for example of a secret that was taken out. Such a row stays so, and would keep others
 * waiting: it is left alone until an operator accepts the store, or the process starts again.
 */
export async function tellUntoldEnds(
  terms: PassTerms & { readonly store: Pick<Store, 'endedEarly' | 'find'>; readonly board: WitnessBoard },
  log: string,
  left: Set<string>,
): Promise<void> {
  const { store, board, clock } = terms;
  const untold = (await store.endedEarly(clock.now())).filter((id) => !board.hasEnded(id) && !left.has(id));
  for (const id of untold.slice(0, MOST_TOLD)) {
    const approval = await store.find(id);
    if (approval === null || approval.broken !== null || !endedUnsent(approval.state)) {
      left.add(id);
      if (left.size > MOST_LEFT) left.delete(left.values().next().value!);
      continue;
    }
    await board.end(log, endOf(terms, approval, approval.state));
  }
}
